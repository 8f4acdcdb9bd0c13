#include "copy/backups.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace cloakroom::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFileName = "/BACKUP";
constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;
constexpr std::size_t kDigits = 6;

Json json_of(const Backup& backup) {
  Json tables = Json::array();
  for (const CopiedTable& table : backup.copy.tables) {
    tables.push_back({table.name, table.bytes, table.inode, table.changed_ns});
  }
  return {{"backup", 1},
          {"number", backup.number},
          {"made_ms", backup.made},
          {"store_id", backup.copy.store_id},
          {"generation", backup.copy.generation},
          {"version", backup.copy.version},
          {"live", backup.copy.live},
          {"bytes_linked", backup.copy.bytes_linked},
          {"bytes_copied", backup.copy.bytes_copied},
          {"tables", tables}};
}

// Throws when a member is of another type than it should be.
Backup backup_of(const Json& json) {
  Backup backup;
  backup.number = json.at("number").get<std::uint64_t>();
  backup.made = json.at("made_ms").get<TimeMs>();
  backup.copy.store_id = json.at("store_id").get<std::string>();
  backup.copy.generation = json.at("generation").get<std::uint32_t>();
  backup.copy.version = json.at("version").get<Version>();
  backup.copy.live = json.at("live").get<bool>();
  backup.copy.bytes_linked = json.at("bytes_linked").get<std::uint64_t>();
  backup.copy.bytes_copied = json.at("bytes_copied").get<std::uint64_t>();
  for (const Json& table : json.at("tables")) {
    backup.copy.tables.push_back({.name = table.at(0).get<std::string>(),
                                  .bytes = table.at(1).get<std::uint64_t>(),
                                  .inode = table.at(2).get<std::uint64_t>(),
                                  .changed_ns = table.at(3).get<std::int64_t>()});
  }
  return backup;
}

std::optional<std::uint64_t> number_of(const std::string& name) {
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  const bool whole = error == std::errc() && stop == end && name.size() >= kDigits;
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

std::string backup_name(std::uint64_t number) { return fmt::format("{:06}", number); }

std::optional<Backup> read_backup(const std::string& dir) {
  const std::string path = dir + kFileName;
  const Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return std::nullopt;
  const Result<std::string> text = read_at(*fd, path, kFileBytesMax, 0);
  if (!text) return std::nullopt;
  const Json json = Json::parse(*text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  try {
    Backup backup = backup_of(json);
    backup.dir = dir;
    return backup;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

Status write_backup(const Backup& backup) {
  const std::string path = backup.dir + kFileName;
  const Result<Fd> fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) return fd.status();
  if (Status done = write_at(*fd, path, json_of(backup).dump() + "\n", 0); !done) return done;
  if (Status synced = sync_file(*fd, path); !synced) return synced;
  return sync_directory(backup.dir);
}

Result<std::vector<Backup>> list_backups(const std::string& dir) {
  std::vector<Backup> backups;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(dir, failed)) {
    const auto number = number_of(entry.path().filename());
    if (!number) continue;
    auto backup = read_backup(entry.path());
    if (!backup) continue;
    backup->number = *number;
    backups.push_back(*std::move(backup));
  }
  if (failed == std::errc::no_such_file_or_directory || failed == std::errc::not_a_directory) {
    return Status(
        StatusCode::kIo,
        dir + " is no directory; name one that `cloakroom backup` made, or that holds them");
  }
  if (failed) return io_error("list", dir, failed.value());
  std::ranges::sort(backups, {}, &Backup::number);
  return backups;
}

Result<Fd> lock_backups(const std::string& dir) {
  if (exists(dir + "/CLOAKROOM")) {
    return Status(StatusCode::kIo,
                  dir + " is a store itself; name a directory of its own for the backups");
  }
  if (Status made = make_private_directory(dir); !made) return made;
  const std::string path = dir + "/LOCK";
  Result<Fd> fd = open_file(path, O_RDWR | O_CREAT);
  if (!fd) return fd;
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return io_error("lock", path, errno);
  return Status(StatusCode::kIo, "another backup into " + dir + " is under way; wait for its end");
}

}  // namespace cloakroom::cli
