// info, ls, get, stats: what they are called and what they take.
#include <map>
#include <memory>
#include <string>

#include "command_line.h"
#include "look/look.h"
#include "reading/isolate.h"
#include "text/output.h"

namespace cloakroom::cli {
namespace {

Verb add_info(CLI::App& root) {
  const auto options = std::make_shared<InfoOptions>();
  CLI::App* app =
      add_store_verb(root, "info", "What the store is and how it is: format, state, sizes",
                     "cloakroom info /var/lib/shop/sessions", options->dir);
  app->add_flag("--json", options->json, "one JSON object");
  return {app,
          [options] { return run_isolated(options->dir, [&] { return run_info(*options); }); }};
}

void add_ls_filters(CLI::App* app, LsOptions& options) {
  call_it(app->add_option("--prefix", options.prefix, "only keys that begin so"), "TEXT");
  call_it(app->add_option("--owner", options.owner, "only records of this owner"), "OWNER");
  const std::map<std::string, Kind> kinds{{"bytes", Kind::kBytes},
                                          {"fields", Kind::kFields},
                                          {"session", Kind::kSession},
                                          {"members", Kind::kMembers}};
  call_it(app->add_option("--kind", options.kind, "only records of this kind")
              ->transform(CLI::CheckedTransformer(kinds)),
          "bytes|fields|session|members");
  call_it(app->add_option("--larger-than", options.larger_than_bytes,
                          "only values over this size: 4096, 64KiB, 1MiB")
              ->transform(CLI::AsSizeValue(false)),
          "SIZE");
  const auto set_expiry = [&options](const std::string& text) {
    options.expires_before_ms = parse_duration(text);
  };
  call_it(app->add_option_function<std::string>(
                 "--expires-before", set_expiry,
                 "only records with no more than this to live: 90s, 15min, 2h, 7d")
              ->check(duration_check()),
          "DURATION");
  app->add_flag("--dead", options.dead, "include what has expired and is not yet dropped");
}

Verb add_ls(CLI::App& root) {
  const auto options = std::make_shared<LsOptions>();
  CLI::App* app =
      add_store_verb(root, "ls", "List records, without their values",
                     "cloakroom ls sessions --owner alice --expires-before 10min", options->dir);
  add_ls_filters(app, *options);
  call_it(app->add_option("--limit", options->limit, "stop after so many (0: all)")
              ->check(CLI::NonNegativeNumber),
          "N");
  app->add_flag("--json", options->json, "JSON Lines: one object for each record");
  return {app, [options] { return run_isolated(options->dir, [&] { return run_ls(*options); }); }};
}

Verb add_get(CLI::App& root) {
  const auto options = std::make_shared<GetOptions>();
  CLI::App* app =
      add_store_verb(root, "get", "Show one record",
                     "cloakroom get sessions sess:b2f0a6c7d1 --show-values", options->dir);
  app->add_option("KEY", options->key, "the key, as ls prints it")->required();
  app->add_flag("--show-values", options->show_values,
                "show the value: JSON indented, fields by name, hex otherwise");
  app->add_flag("--raw", options->raw, "write the bytes of the value and nothing else");
  app->add_flag("--dead", options->dead, "show the record though it has expired");
  app->add_flag("--json", options->json, "one JSON object");
  return {app, [options] { return run_isolated(options->dir, [&] { return run_get(*options); }); }};
}

Verb add_stats(CLI::App& root) {
  const auto options = std::make_shared<StatsOptions>();
  CLI::App* app = add_store_verb(root, "stats", "Histograms of time left, sizes and ages",
                                 "cloakroom stats sessions", options->dir);
  app->add_flag("--json", options->json, "one JSON object");
  return {app,
          [options] { return run_isolated(options->dir, [&] { return run_stats(*options); }); }};
}

}  // namespace

void add_look(CLI::App& root, Verbs& verbs) {
  verbs.push_back(add_info(root));
  verbs.push_back(add_ls(root));
  verbs.push_back(add_get(root));
  verbs.push_back(add_stats(root));
}

}  // namespace cloakroom::cli
