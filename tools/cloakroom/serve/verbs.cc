// serve: what it is called and what it takes, on the command line or in a file.
#include <fstream>
#include <memory>
#include <string>

#include "command_line.h"
#include "serve/serve.h"

namespace cloakroom::cli {
namespace {

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\"");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\"") + 1 - begin);
}

// Gives the lines of a file to the options they name, as if they had stood on the command line.
void read_config(CLI::App& app, const std::string& path) {
  std::ifstream file(path);
  if (!file) throw CLI::FileError(path + " cannot be read");
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::string text = trimmed(line);
    if (text.empty() || text.starts_with('#')) continue;
    const std::size_t equals = text.find('=');
    const std::string name = trimmed(text.substr(0, equals));
    CLI::Option* const option = app.get_option_no_throw("--" + name);
    if (equals == std::string::npos || option == nullptr || name == "config") {
      throw CLI::ConfigError(path + ", line " + std::to_string(number) + ": no option is called '" +
                             name + "'");
    }
    const bool on_command_line = option->count() != 0 && !option->get_allow_extra_args();
    if (!on_command_line) option->add_result(trimmed(text.substr(equals + 1)));
  }
}

// Where it listens, and who may come.
void add_listener_options(CLI::App* app, ServeOptions& options) {
  call_it(app->add_option("--unix", options.unix_socket, "listen on this unix socket"), "SOCKET");
  call_it(
      app->add_option("--unix-mode", options.unix_mode, "its mode, octal")->capture_default_str(),
      "MODE");
  app->add_flag("--unix-any-user", options.unix_any_user,
                "serve processes of other users there, too");
  call_it(app->add_option("--port", options.port, "listen on this TCP port"), "PORT");
  call_it(app->add_option("--address", options.address, "of the TCP port")->capture_default_str(),
          "ADDRESS");
  call_it(app->add_option("--threads", options.threads, "threads that serve clients")
              ->check(CLI::Range(1U, 256U))
              ->capture_default_str(),
          "N");
  call_it(app->add_option("--password-file", options.password_file,
                          "password of the user default: the first line of this file (mode 600)"),
          "FILE");
  call_it(app->add_option("--users", options.users_file, "file of users, as Redis's aclfile"),
          "FILE");
  call_it(
      app->add_option("--tls-cert", options.tls_certificate, "certificate chain (PEM): TLS on TCP"),
      "FILE");
  call_it(app->add_option("--tls-key", options.tls_key, "its private key (PEM)"), "FILE");
  call_it(app->add_option("--tls-ca", options.tls_ca,
                          "clients must have a certificate of this authority"),
          "FILE");
  app->add_flag("--insecure", options.insecure,
                "serve other machines without a password or without TLS");
}

// What the store is opened with.
void add_store_options(CLI::App* app, ServeOptions& options) {
  call_it(app->add_option("--durability", options.durability, "what an answered write survives")
              ->check(CLI::IsMember({"process", "disk"}))
              ->capture_default_str(),
          "process|disk");
  call_it(app->add_option("--memory-limit", options.memory_limit_bytes,
                          "bytes of records and indexes (0: a quarter of the machine): 2GiB")
              ->transform(CLI::AsSizeValue(false)),
          "SIZE");
  call_it(app->add_option("--value-max", options.value_bytes_max, "largest value: 16MiB")
              ->transform(CLI::AsSizeValue(false)),
          "SIZE");
}

void add_client_options(CLI::App* app, ServeOptions& options) {
  call_it(app->add_option("--notify", options.notify, "keyspace events to publish, such as Ex"),
          "EVENTS");
  call_it(
      app->add_option("--max-clients", options.clients, "clients at a time")->capture_default_str(),
      "N");
  call_it(app->add_option("--max-clients-per-address", options.clients_per_address,
                          "of one network address (0: no limit)")
              ->capture_default_str(),
          "N");
  call_it(app->add_option("--idle-timeout", options.idle_timeout,
                          "close who says nothing for so long: 5min"),
          "DURATION");
  call_it(
      app->add_option("--output-limit", options.output_bytes, "bytes that may wait for one client")
          ->transform(CLI::AsSizeValue(false)),
      "SIZE");
}

void add_prefix_rules(CLI::App* app, ServeOptions& options) {
  call_it(app->add_option("--tombstone", options.tombstones,
                          "what was deleted under PREFIX cannot be set again for so long"),
          "PREFIX=DURATION");
  call_it(app->add_option("--hash-keys", options.hash_keys,
                          "the store sees a keyed hash of keys that begin so"),
          "PREFIX");
  call_it(app->add_option("--hash-secret-file", options.hash_secret_file,
                          "key of that hash: the first line of this file (mode 600)"),
          "FILE");
  call_it(app->add_option("--owner-field", options.owner_fields,
                          "whose session it is: a JSON pointer into values under PREFIX"),
          "PREFIX=POINTER");
}

}  // namespace

void add_serve(CLI::App& root, Verbs& verbs) {
  const auto options = std::make_shared<ServeOptions>();
  CLI::App* app = root.add_subcommand("serve", "Serve a store to Redis clients");
  app->footer(
      "Examples:\n"
      "  cloakroom serve /var/lib/shop/sessions --unix /run/shop/redis.sock\n"
      "  cloakroom serve sessions --port 6379 --password-file /etc/shop/password\n");
  // The first option, so that what it adds to the others is seen when their turn comes.
  call_it(app->add_option_function<std::string>(
              "--config", [app](const std::string& path) { read_config(*app, path); },
              "read options from this file: `port = 6379`, a line each; the command line wins"),
          "FILE");
  app->add_option("STORE-DIR", options->dir, "directory of the store, created when absent");
  app->add_flag("--memory", options->memory, "no directory: nothing survives");
  add_listener_options(app, *options);
  add_store_options(app, *options);
  add_client_options(app, *options);
  add_prefix_rules(app, *options);
  app->add_flag("--quiet", options->quiet, "log warnings and errors only");
  verbs.push_back({app, [options] { return run_serve(*options); }});
}

}  // namespace cloakroom::cli
