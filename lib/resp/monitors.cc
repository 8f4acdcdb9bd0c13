#include "resp/monitors.h"

#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "resp/client.h"
#include "resp/command_table.h"
#include "resp/text.h"

namespace cloakroom::resp {
namespace {

constexpr std::string_view kRedacted = "(redacted)";

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kSpecial = "\\\"\n\r\t\a\b";
  constexpr std::string_view kLetters = "\\\"nrtab";
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (const std::size_t at = kSpecial.find(c); at != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(kLetters[at]);
    } else if (byte >= ' ' && byte <= '~') {
      out.push_back(c);
    } else {
      out += "\\x";
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
  out.push_back('"');
}

// How many arguments from the i-th on, which names what follows, are secret.
std::size_t secrets_behind(std::span<const std::string_view> args, std::size_t i) noexcept {
  if (i == 0 && is_word(args[0], "auth")) return args.size() - 1;
  return is_word(args[0], "hello") && i > 1 && is_word(args[i], "auth") ? 2 : 0;
}

}  // namespace

void Monitors::add(Client& client) {
  MutexLock guard(mutex_);
  if (std::find(clients_.begin(), clients_.end(), &client) != clients_.end()) return;
  clients_.push_back(&client);
  count_.store(clients_.size(), std::memory_order_relaxed);
}

void Monitors::remove(Client& client) {
  MutexLock guard(mutex_);
  std::erase(clients_, &client);
  count_.store(clients_.size(), std::memory_order_relaxed);
}

void Monitors::show(const std::string& line) {
  MutexLock guard(mutex_);
  for (Client* const client : clients_) client->push(line);
}

bool is_monitored(const Command& command) noexcept {
  return !command.is(kAdmin) || command.is(kFast);
}

std::string monitor_line(const Client& client, const Command& command,
                         std::span<const std::string_view> args) {
  struct timeval now {};
  (void)::gettimeofday(&now, nullptr);
  std::array<char, 64> time{};
  std::snprintf(time.data(), time.size(), "+%lld.%06lld", static_cast<long long>(now.tv_sec),
                static_cast<long long>(now.tv_usec));
  std::string address = client.card_copy().address;
  if (address.starts_with('/') && address.ends_with(":0")) {
    address = "unix:" + address.substr(0, address.size() - 2);
  }
  std::string line = time.data();
  line += " [" + std::to_string(client.database.load()) + " " + address + "]";
  std::size_t hidden_until = 0;
  for (std::size_t i = 0; i < args.size(); ++i) {
    line.push_back(' ');
    append_quoted(line, i < hidden_until ? kRedacted : args[i]);
    if (const std::size_t hidden = command.is(kSecret) ? secrets_behind(args, i) : 0; hidden != 0) {
      hidden_until = i + 1 + hidden;
    }
  }
  return line + "\r\n";
}

}  // namespace cloakroom::resp
