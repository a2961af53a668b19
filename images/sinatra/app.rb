require "sinatra/base"

# Says hello, and which unit on which machine said it.
class App < Sinatra::Base
  GREETING_FILE = ENV.fetch("GREETING_FILE", "/run/sinatra/greeting")

  # Read once: a changed greeting shows when the instance starts again.
  def self.greeting
    text = File.exist?(GREETING_FILE) ? File.read(GREETING_FILE).chomp : ""
    text.empty? ? "Hello World!" : text
  end

  set :text, greeting

  before do
    content_type "text/plain"
    headers "x-fleet-unit" => ENV.fetch("FLEET_UNIT", "none"),
            "x-fleet-machine" => ENV.fetch("FLEET_MACHINE_ID", "none")
  end

  get("/") { settings.text }

  get("/health") { "ok" }

  # The client's address, as the proxies in front report it in X-Forwarded-For.
  get("/ip") { request.ip }

  # Long enough to watch a request finish while its instance stops.
  get "/slow" do
    sleep 2
    settings.text
  end
end
