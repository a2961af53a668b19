// What a language host of release 3.78 lacks to serve a newer engine. The build adds this file to the
// host's own package and has two places of it call these functions: see
// language_host_adapt in toolchain/tools/language-host.sh.

package main

import (
	"context"
	"io"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/encoding/protowire"
)

// pluginFolder returns the folder of the plugin that is to be run. Newer engines give it in a message
// which this release does not know: RunPluginRequest.info (5), ProgramInfo.program_directory (2).
func pluginFolder(request *pulumirpc.RunPluginRequest) string {
	if request.Program != "" {
		return request.Program
	}
	info := lengthDelimited(request.ProtoReflect().GetUnknown(), 5)
	return string(lengthDelimited(info, 2))
}

// lengthDelimited returns the first field of a number in an encoded message, or nil.
func lengthDelimited(message []byte, wanted protowire.Number) []byte {
	for len(message) > 0 {
		number, kind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return nil
		}
		size := protowire.ConsumeFieldValue(number, kind, message[tag:])
		if size < 0 {
			return nil
		}
		if number == wanted && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message[tag:])
			return value
		}
		message = message[tag+size:]
	}
	return nil
}

// installNothing takes the place of a function that makes a virtual environment amid the plugin's
// own files. The set-up's environment is on PATH, with all that the project's components need.
func installNothing(context.Context, string, string, bool, io.Writer, io.Writer) error {
	return nil
}
