#include "resp/call.h"

#include <algorithm>

#include "store/members.h"

namespace cloakroom::resp {

Type type_of(const RecordView& record) noexcept {
  switch (record.kind) {
    case Kind::kBytes:
      return Type::kString;
    case Kind::kFields:
      return Type::kHash;
    case Kind::kMembers:
      return is_sorted_set(record.value) ? Type::kSortedSet : Type::kSet;
    case Kind::kSession:
      break;
  }
  return Type::kSession;
}

std::string_view type_name(Type type) noexcept {
  switch (type) {
    case Type::kString:
      return "string";
    case Type::kHash:
      return "hash";
    case Type::kSet:
      return "set";
    case Type::kSortedSet:
      return "zset";
    case Type::kSession:
      break;
  }
  return "cloakroom-session";
}

std::string_view Call::map(std::string_view key, int of_database) {
  if (const RespOptions& rules = server.options; !rules.hash_keys.empty()) {
    if (auto hashed = hashed_key(rules, key)) {
      key = mapped_.emplace_front(*std::move(hashed));
    }
  }
  if (is_own_form(of_database, key)) return key;
  return mapped_.emplace_front(store_key(of_database, key));
}

std::optional<std::int64_t> Call::integer(std::size_t i) {
  const auto number = parse_int(args[i]);
  if (!number) error(kNotInteger);
  return number;
}

void Call::notify_in(int of_database, std::uint32_t of, std::string_view event,
                     std::string_view key) {
  Notifications& notifications = server.notifications;
  if (client.step == nullptr) return notifications.publish(of, event, of_database, key);
  if (!notifications.wants(of)) return;
  client.step->afterwards(
      [&notifications, of, of_database, event = std::string(event), key = std::string(key)] {
        notifications.publish(of, event, of_database, key);
      });
}

// What the client calls the key: its own word for it where the store has a hash (hash-keys).
std::string_view Call::name_of(std::string_view stored, const DatabaseKey& known) {
  if (server.options.hash_keys.empty()) return known.key;
  const auto meant = std::find_if(args.begin(), args.end(), [&](std::string_view arg) {
    return map(arg, known.database) == stored;
  });
  return meant == args.end() ? known.key : *meant;
}

void Call::touched(std::string_view key) {
  if (client.step != nullptr || !server.tracking.any()) return;  // a step writes the record anew
  if (const auto known = database_key(map(key))) server.tracking.touched(known->key, client.id);
}

void Call::tell_created(std::string_view stored) {
  if (!server.notifications.wants(kNotifyNew)) return;
  if (const auto known = database_key(stored)) {
    notify_in(known->database, kNotifyNew, "new", name_of(stored, *known));
  }
}

void Call::tell_missed(std::string_view stored) {
  if (!server.notifications.wants(kNotifyMiss)) return;
  server.notifications.note_miss();  // expiry is told first
  if (const auto known = database_key(stored)) {
    notify_in(known->database, kNotifyMiss, "keymiss", name_of(stored, *known));
  }
}

std::string Call::text_of(const Status& status) {
  switch (status.code()) {
    case StatusCode::kWrongKind:
      return std::string(kWrongType);
    case StatusCode::kFull:
      return "OOM command not allowed when used memory > 'maxmemory'.";
    case StatusCode::kTooLarge:
      return "ERR key or value is too large: keys have up to 1024 bytes here, and values up "
          "to the store's limit";
    case StatusCode::kBusy:
      return "BUSY the disk does not keep up, nothing was changed; try again later";
    case StatusCode::kReadOnly:
    case StatusCode::kIo:
      return "MISCONF writes cannot be made durable, so the store takes none; reads go on. "
          "INFO persistence says why";
    case StatusCode::kCorruption:
      return "ERR the record is damaged on disk; run cloakroom verify";
    case StatusCode::kClosed:
      return "ERR the server is shutting down";
    default:
      return "ERR " + status.message();
  }
}

bool Call::read(const Status& status) {
  if (status.ok()) return true;
  if (status.code() == StatusCode::kNotFound) {
    server.notifications.note_miss();
    return true;
  }
  fail(status);
  return false;
}

}  // namespace cloakroom::resp
