"""The package as a plugin of Pulumi: `python components/` serves it to programs in any language."""

from fleet_cluster.component_host import serve

if __name__ == "__main__":
    serve()
