#include "demo/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <string_view>

namespace cloakroom::cli {
namespace {

constexpr std::size_t kKeyRandomChars = 32;  // 24 random bytes, as connect-redis has them
constexpr double kPauseSecondsMax = 1800;    // a longer silence would have started a new session
constexpr double kRequestsMax = 500;         // crawlers are left out, as in the fit

void append_random(std::string& out, DemoRandom& random, std::size_t count) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 10 == 0) bits = random.next();  // ten characters of 6 bits
    out += kAlphabet[bits & 63];
    bits >>= 6;
  }
}

}  // namespace

DemoRandom::DemoRandom(std::uint64_t seed, std::uint64_t a, std::uint64_t b) noexcept
    : state_(seed) {
  state_ = next() ^ a;
  state_ = next() ^ b;
}

std::uint64_t DemoRandom::next() noexcept {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

double DemoRandom::uniform() noexcept {
  return (static_cast<double>(next() >> 11) + 0.5) * 0x1p-53;
}

double DemoRandom::log_normal(double mu, double sigma) noexcept {
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return std::exp(mu + sigma * radius * std::cos(2 * std::numbers::pi * uniform()));
}

double DemoRandom::exponential(double mean) noexcept { return -mean * std::log(uniform()); }

SessionCourse draw_course(DemoRandom& random) {
  const double requests = std::clamp(std::round(random.log_normal(1.03, 0.97)), 1.0, kRequestsMax);
  SessionCourse course;
  course.requests = static_cast<std::uint32_t>(requests);
  course.erased_at_end = course.requests >= 3 && random.uniform() < 0.1;
  return course;
}

std::int64_t draw_pause_ns(DemoRandom& random) {
  const double seconds = std::min(random.log_normal(3.31, 1.78), kPauseSecondsMax);
  return static_cast<std::int64_t>(seconds / kSpeedup * 1e9);
}

std::string session_key(std::uint64_t seed, std::uint64_t slot) {
  DemoRandom random(seed, slot, 'k');
  std::string key = "sess:";
  append_random(key, random, kKeyRandomChars);
  return key;
}

std::string session_owner(std::uint64_t seed, std::uint64_t slot) {
  DemoRandom random(seed, slot, 'o');
  const std::uint64_t bits = random.next();
  // Half of the visitors are not logged in; a user has a few devices.
  return bits % 2 == 0 ? std::string() : fmt::format("user-{}", bits / 2 % (slot / 4 + 1));
}

std::string session_value(std::uint64_t seed, std::uint64_t slot, std::uint64_t generation) {
  DemoRandom random(seed, slot << 20 ^ generation, 'v');
  const double drawn = std::clamp(random.log_normal(std::log(420.0), 0.55), 120.0, 8000.0);
  const auto size = static_cast<std::size_t>(drawn);
  std::string value;
  value.reserve(size);
  fmt::format_to(std::back_inserter(value), R"({{"visits":{},"page":"/item/{}","csrf":")",
                 generation, random.next() % 20'484);
  append_random(value, random, 24);
  value += R"(","cart":")";
  constexpr std::string_view kEnd = R"("})";
  if (value.size() + kEnd.size() < size) {
    append_random(value, random, size - value.size() - kEnd.size());
  }
  value += kEnd;
  return value;
}

std::int64_t boot_ms() noexcept { return system_clock().boot_ms(); }

}  // namespace cloakroom::cli
