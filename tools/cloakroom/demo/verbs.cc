// demo: what it is called and what it takes; and the processes that it starts.
#include <cstdint>
#include <memory>

#include "command_line.h"
#include "demo/demo.h"

namespace cloakroom::cli {
namespace {

void add_load_options(CLI::App* app, DemoOptions& options) {
  call_it(app->add_option("--seconds", options.seconds, "time under load, over all kills")
              ->check(CLI::Range(0.1, 3600.0))
              ->capture_default_str(),
          "SECONDS");
  call_it(app->add_option("--sessions", options.sessions, "sessions to create, about")
              ->check(CLI::Range(std::uint64_t{100}, std::uint64_t{50'000'000}))
              ->capture_default_str(),
          "N");
  call_it(app->add_option("--kills", options.kills, "how often it is killed")
              ->check(CLI::Range(1, 1000))
              ->capture_default_str(),
          "N");
  call_it(app->add_option("--threads", options.threads, "threads of load (0: by the machine)")
              ->check(CLI::Range(0, 64))
              ->capture_default_str(),
          "N");
  call_it(app->add_option("--seed", options.seed, "repeat a workload (0: a random one)")
              ->check(CLI::NonNegativeNumber),
          "N");
}

Verb add_demo_itself(CLI::App& root) {
  const auto options = std::make_shared<DemoOptions>();
  CLI::App* app = root.add_subcommand(
      "demo", "Kill a store under load with SIGKILL, reopen it and check every session");
  app->footer("Example:\n  cloakroom demo --kills 5 --dir demo-store\n");
  call_it(app->add_option("--dir", options->dir,
                          "put the store here and keep it (default: a temporary one)"),
          "DIR");
  app->add_flag("--keep", options->keep, "keep the temporary directory");
  add_load_options(app, *options);
  app->add_option("--sabotage", options->sabotage)
      ->check(CLI::IsMember({"lose", "revive", "stale", "spare"}))
      ->group("");
  app->add_flag("--json", options->json, "one JSON object instead of text");
  return {app, [options] { return run_demo(*options); }};
}

Verb add_worker(CLI::App& root) {
  const auto options = std::make_shared<DemoWorkerOptions>();
  CLI::App* app = root.add_subcommand("demo-worker")->group("");
  app->add_option("STORE-DIR", options->dir)->required();
  app->add_option("--phase", options->phase)->required()->check(CLI::IsMember({"load", "check"}));
  app->add_option("--fd", options->fd)->required();
  return {app, [options] { return run_demo_worker(*options); }};
}

}  // namespace

void add_demo(CLI::App& root, Verbs& verbs) {
  verbs.push_back(add_demo_itself(root));
  verbs.push_back(add_worker(root));
}

}  // namespace cloakroom::cli
