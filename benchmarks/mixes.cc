// The three mixes, by tables that hold the same records.
#include <fmt/format.h>

#include <algorithm>

#include "workloads.h"

namespace cloakroom::bench {
namespace {

const NamedMix& mix_named(std::string_view name) {
  static const std::vector<NamedMix> all{
      {"mix-r", {{Verb::kGetInto, 90}, {Verb::kPut, 10}}},
      {"mix-s", {{Verb::kGetInto, 50}, {Verb::kTouch, 40}, {Verb::kPut, 10}}},
      {"mix-w", {{Verb::kGetInto, 50}, {Verb::kPut, 50}}},
  };
  return *std::find_if(all.begin(), all.end(),
                       [&](const NamedMix& mix) { return mix.name == name; });
}

std::string_view describe(std::string_view mix) {
  if (mix == "mix-r") return "90 % get, 10 % put";
  if (mix == "mix-s") return "50 % get, 40 % touch, 10 % put";
  return "50 % get, 50 % put";
}

std::string describe(const MixCase& one) {
  return fmt::format("{}, {} thread{}", describe(one.popularity), one.threads,
                     one.threads == 1 ? "" : "s");
}

}  // namespace

void run_mix(const Bench& bench, Race& race, std::string_view name,
             std::span<const MixCase> cases) {
  const NamedMix& mix = mix_named(name);
  Section section(
      std::string(name),
      fmt::format("{} ({}): {}", name, describe(name), circumstances(bench, race.dataset)),
      "kops/s", kCloakroom);
  std::vector<KeyPicker> pickers;
  for (const MixCase& one : cases) {
    pickers.emplace_back(race.dataset.sessions(), one.popularity);
  }
  for (unsigned round = 0; round < bench.options.rounds; ++round) {
    bench.report.progress(fmt::format("{}: round {} of {}", name, round + 1, bench.options.rounds));
    for (std::size_t at = 0; at < cases.size(); ++at) {
      MeasureSettings settings = settings_of(bench.options, round);
      settings.threads = cases[at].threads;
      for (Entry& entry : race.entries) {
        settings.what = fmt::format("{}, {}", name, entry.name);
        const Measurement result =
            measure(*entry.contestant, race.dataset, pickers[at], mix.mix, settings);
        section.add(describe(cases[at]), entry.name, result.ops_per_second / 1000,
                    result.latencies);
      }
    }
  }
  bench.report.add(section);
}

}  // namespace cloakroom::bench
