// Records of fields: each change decodes the record, changes it and stores it, under the lock.
#include <optional>

#include "store/engine.h"
#include "store/fields.h"

namespace cloakroom {
namespace {

Status not_fields() {
  return Status(StatusCode::kWrongKind, "the record holds bytes, not fields; use get or put");
}

}  // namespace

Result<std::string> Engine::get_field(std::string_view key, std::string_view name) {
  Result<std::string> value = StatusCode::kNotFound;
  const Status got = read(key, [&](const RecordView& view) {
    if (view.kind != Kind::kFields) {
      value = not_fields();
    } else if (const auto found = find_field(view.value, name)) {
      value = std::string(*found);
    }
  });
  if (!got) return got;
  return value;
}

Result<Version> Engine::visit_fields(std::string_view key, FunctionRef<void(const Field&)> f) {
  Result<Version> version = StatusCode::kNotFound;
  const Status got = read(key, [&](const RecordView& view) {
    if (view.kind != Kind::kFields) {
      version = not_fields();
      return;
    }
    const Status walked = for_each_field(view.value, [&](const Field& field) {
      f(field);
      return true;
    });
    version = walked ? Result<Version>(view.version) : Result<Version>(walked);
  });
  if (!got) return got;
  return version;
}

Result<Version> Engine::change_fields(
    std::string_view key, const PutOptions& options,
    FunctionRef<Result<std::optional<std::string>>(std::string_view)> change) {
  if (Status fine = check_write(key, 0, options); !fine) return fine;
  const std::uint64_t hash = table_.hash(key);
  if (Status room = prepare_write(hash, key.size()); !room) return room;
  if (read_through_.load(std::memory_order_acquire)) {
    const Status faulted = fault_in(hash, key);
    if (!faulted && faulted.code() != StatusCode::kNotFound) return faulted;
  }
  Done done;
  Version version = 0;
  {
    Stripe& stripe = table_.stripe_of(hash);
    SpinLockGuard guard(stripe.lock());
    HeldRecord held(stripe, stripe.find(tag_of(hash), key));
    const TimeMs at = now();
    const Record* const current = held.alive(at);
    const RecordView view = current != nullptr ? current->view() : RecordView{};
    if (current != nullptr && view.kind != Kind::kFields) return not_fields();
    if (Status same = check_version(current, options.if_version); !same) return same;
    Result<std::optional<std::string>> next = change(view.value);
    if (!next) return next.status();
    version = view.version;
    Result<Done> changed = Done{};
    if (next->has_value() && !(*next)->empty()) {
      if (Status fine = check_value((*next)->size()); !fine) return fine;
      changed = store_record(stripe, held, hash, key, {.value = **next, .kind = Kind::kFields},
                             options, at);
      if (changed) version = changed->version;
    } else if (next->has_value() && current != nullptr) {
      changed = erase_record(stripe, held, hash, at);  // the last field is gone
      version = 0;
    }
    if (!changed) return changed.status();
    done = *changed;
  }
  if (Status waited = finish(done, level(options.durability)); !waited) return waited;
  return version;
}

Result<Version> Engine::set_fields(std::string_view key, std::span<const Field> fields,
                                   const PutOptions& options) {
  if (fields.empty()) {
    return Status(StatusCode::kInvalidArgument, "set_fields: no field was given");
  }
  return change_fields(key, options,
                       [&](std::string_view encoded) -> Result<std::optional<std::string>> {
                         Result<std::string> next = with_fields(encoded, fields);
                         if (!next) return next.status();
                         return std::optional<std::string>(*std::move(next));
                       });
}

Result<std::size_t> Engine::erase_fields(std::string_view key,
                                         std::span<const std::string_view> names,
                                         const EraseOptions& options) {
  std::size_t removed = 0;
  bool found = false;
  const PutOptions put{
      .keep_deadline = true, .if_version = options.if_version, .durability = options.durability};
  const Result<Version> changed =
      change_fields(key, put, [&](std::string_view encoded) -> Result<std::optional<std::string>> {
        found = !encoded.empty();
        Result<WithoutFields> next = without_fields(encoded, names);
        if (!next) return next.status();
        removed = next->removed;
        if (removed == 0) return std::optional<std::string>();
        return std::optional<std::string>(std::move(next->encoded));
      });
  if (!changed) return changed.status();
  if (!found) return StatusCode::kNotFound;
  return removed;
}

Result<std::int64_t> Engine::increment_field(std::string_view key, std::string_view name,
                                             std::int64_t delta, const PutOptions& options) {
  std::int64_t sum = 0;
  const Result<Version> changed = change_fields(
      key, options, [&](std::string_view encoded) -> Result<std::optional<std::string>> {
        const auto text = find_field(encoded, name);
        const auto number = text ? parse_integer(*text) : std::optional<std::int64_t>(0);
        if (!number) {
          return Status(StatusCode::kInvalidArgument,
                        "increment_field: the field holds no "
                        "64-bit integer");
        }
        if (__builtin_add_overflow(*number, delta, &sum)) {
          return Status(StatusCode::kInvalidArgument, "increment_field: the sum would overflow");
        }
        const std::string value = std::to_string(sum);
        const Field field{.name = name, .value = value};
        Result<std::string> next = with_fields(encoded, {&field, 1});
        if (!next) return next.status();
        return std::optional<std::string>(*std::move(next));
      });
  if (!changed) return changed.status();
  return sum;
}

}  // namespace cloakroom
