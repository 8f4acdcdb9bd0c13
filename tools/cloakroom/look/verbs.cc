// info, ls, get, owners, stats, events, why: what they are called and what they take.
#include <map>
#include <memory>
#include <optional>
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

CLI::Validator moment_check() {
  return {[](const std::string& text) {
            return parse_moment(text) ? std::string()
                                      : "not a duration (90s, 15min, 2h, 7d) or a time "
                                        "(\"2026-01-31 09:30\", UTC)";
          },
          "", "moment"};
}

void add_moment(CLI::App* app, const char* name, std::optional<Moment>& moment, const char* what) {
  const auto set = [&moment](const std::string& text) { moment = parse_moment(text); };
  call_it(app->add_option_function<std::string>(name, set, what)->check(moment_check()),
          "DURATION|TIME");
}

void add_size(CLI::App* app, const char* name, std::optional<std::uint64_t>& bytes,
              const char* what) {
  call_it(app->add_option(name, bytes, what)->transform(CLI::AsSizeValue(false)), "SIZE");
}

void add_filters(CLI::App* app, FilterOptions& options) {
  call_it(app->add_option("--prefix", options.prefix, "only keys that begin so"), "TEXT");
  call_it(app->add_option("--owner", options.owner, "only records of this owner"), "OWNER");
  const std::map<std::string, Kind> kinds{{"bytes", Kind::kBytes},
                                          {"fields", Kind::kFields},
                                          {"session", Kind::kSession},
                                          {"members", Kind::kMembers}};
  call_it(app->add_option("--kind", options.kind, "only records of this kind")
              ->transform(CLI::CheckedTransformer(kinds)),
          "bytes|fields|session|members");
  add_size(app, "--larger-than", options.larger_than_bytes,
           "only values over this size: 4096, 64KiB, 1MiB");
  add_size(app, "--smaller-than", options.smaller_than_bytes, "only values under this size");
  add_moment(app, "--created-before", options.created_before,
             "only records made before: 2h (ago), \"2026-01-31 09:30:00\" (UTC)");
  add_moment(app, "--created-after", options.created_after, "only records made after");
  add_moment(app, "--expires-before", options.expires_before,
             "only records with no more than this to live: 90s, 15min, 2h, 7d; or until a time");
  add_moment(app, "--expires-after", options.expires_after,
             "only records with more than this to live, or beyond a time");
  app->add_flag("--dead", options.dead, "include what has expired and is not yet dropped");
}

Verb add_ls(CLI::App& root) {
  const auto options = std::make_shared<LsOptions>();
  CLI::App* app =
      add_store_verb(root, "ls", "List records, without their values",
                     "cloakroom ls sessions --owner alice --expires-before 10min", options->dir);
  add_filters(app, options->filter);
  const std::map<std::string, SortBy> orders{{"key", SortBy::kKey},
                                             {"size", SortBy::kSize},
                                             {"created", SortBy::kCreated},
                                             {"deadline", SortBy::kDeadline},
                                             {"ttl", SortBy::kDeadline}};
  call_it(app->add_option("--sort", options->sort,
                          "key (as it is), size (largest first), created (newest first), deadline "
                          "or ttl (nearest first); without --limit all matches are held in memory, "
                          "some 300 bytes each")
              ->transform(CLI::CheckedTransformer(orders)),
          "key|size|created|deadline|ttl");
  app->add_flag("--reverse", options->reverse, "turn the order round");
  call_it(app->add_option("--limit", options->limit, "stop after so many (0: all)")
              ->check(CLI::NonNegativeNumber),
          "N");
  app->add_flag("--json", options->json, "JSON Lines: one object for each record");
  return {app, [options] { return run_isolated(options->dir, [&] { return run_ls(*options); }); }};
}

Verb add_owners(CLI::App& root) {
  const auto options = std::make_shared<OwnersOptions>();
  CLI::App* app = add_store_verb(root, "owners", "The owners with the most records or bytes",
                                 "cloakroom owners sessions --by bytes --limit 10", options->dir);
  const std::map<std::string, bool> measures{{"count", false}, {"bytes", true}};
  call_it(app->add_option("--by", options->by_bytes,
                          "by what an owner is large: the number of records, or the bytes of keys "
                          "and values")
              ->transform(CLI::CheckedTransformer(measures)),
          "count|bytes");
  call_it(app->add_option("--prefix", options->prefix, "only keys that begin so"), "TEXT");
  call_it(app->add_option("--limit", options->limit, "how many owners (20; 0: all that are known)")
              ->check(CLI::NonNegativeNumber),
          "N");
  app->add_flag("--dead", options->dead, "count what has expired and is not yet dropped too");
  app->add_flag("--json", options->json, "one JSON object");
  return {app,
          [options] { return run_isolated(options->dir, [&] { return run_owners(*options); }); }};
}

Verb add_get(CLI::App& root) {
  const auto options = std::make_shared<GetOptions>();
  CLI::App* app =
      add_store_verb(root, "get", "Show one record",
                     "cloakroom get sessions sess:b2f0a6c7d1 --show-values", options->dir);
  app->add_option("KEY", options->key, "the key, as ls prints it")->required();
  app->add_flag("--show-values", options->show_values,
                "show the value: JSON, MessagePack, PHP's and Django's forms decoded, fields, "
                "members and attributes by name, hex otherwise");
  app->add_flag("--raw", options->raw, "write the bytes of the value and nothing else");
  app->add_flag("--dead", options->dead, "show the record though it has expired");
  app->add_flag("--json", options->json, "one JSON object");
  return {app, [options] { return run_isolated(options->dir, [&] { return run_get(*options); }); }};
}

Verb add_events(CLI::App& root) {
  const auto options = std::make_shared<EventsOptions>();
  CLI::App* app = add_store_verb(root, "events",
                                 "The changes of a store: those that its ring still holds, or, "
                                 "with --follow, those to come",
                                 "cloakroom events sessions --follow --owner alice", options->dir);
  app->add_flag("--follow", options->follow,
                "print changes as they are made, until Ctrl-C or until the store is closed");
  call_it(app->add_option("--prefix", options->prefix, "only keys that begin so"), "TEXT");
  call_it(app->add_option("--owner", options->owner, "only records of this owner"), "OWNER");
  call_it(app->add_option("--limit", options->limit, "stop after so many (0: all)")
              ->check(CLI::NonNegativeNumber),
          "N");
  app->add_flag("--json", options->json, "JSON Lines: one object for each change");
  return {app,
          [options] { return run_isolated(options->dir, [&] { return run_events(*options); }); }};
}

Verb add_why(CLI::App& root) {
  const auto options = std::make_shared<WhyOptions>();
  CLI::App* app = add_store_verb(
      root, "why", "Why a session ended, or whether it has: of a key, token or handle, or all of an owner",
      "cloakroom why sessions alice", options->dir);
  call_it(app->add_option("SUBJECT", options->subject,
                          "a key, owner or handle, as the other verbs print them, or a session token; "
                          "-: the first line of stdin, for tokens")
              ->required(),
          "SUBJECT");
  call_it(app->add_option("--key-file", options->key_file,
                          "the file that tokens are made with (default: STORE-DIR.key)"),
          "FILE");
  app->add_flag("--json", options->json, "JSON Lines: one object for each session");
  return {app, [options] { return run_isolated(options->dir, [&] { return run_why(*options); }); }};
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
  verbs.push_back(add_owners(root));
  verbs.push_back(add_stats(root));
  verbs.push_back(add_events(root));
  verbs.push_back(add_why(root));
}

}  // namespace cloakroom::cli
