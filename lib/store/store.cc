// The public handle: forwards to the engine, answers kClosed when there is none.
#include "cloakroom/store.h"

#include "store/engine.h"

namespace cloakroom {
namespace {

Status closed() { return Status(StatusCode::kClosed, "the store was closed or moved from"); }

}  // namespace

Result<Store> Store::open(Options options) {
  Result<std::unique_ptr<Engine>> engine = Engine::open(std::move(options));
  if (!engine) return engine.status();
  return Store(*std::move(engine));
}

Store::Store(std::unique_ptr<Engine> engine) noexcept : engine_(std::move(engine)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

Status Store::close() { return engine_ ? engine_->close() : Status(); }

Result<std::string> Store::get(std::string_view key) const {
  if (!engine_) return closed();
  std::string value;
  const Result<Version> got = engine_->get(key, value);
  if (!got) return got.status();
  return value;
}

Result<Version> Store::get(std::string_view key, std::string& value) const {
  if (!engine_) return closed();
  return engine_->get(key, value);
}

Result<Version> Store::visit(std::string_view key, FunctionRef<void(const RecordView&)> f) const {
  if (!engine_) return closed();
  return engine_->visit(key, f);
}

Result<std::size_t> Store::visit_many(std::span<const std::string_view> keys,
                                      FunctionRef<void(std::size_t, const RecordView&)> f) const {
  if (!engine_) return closed();
  return engine_->visit_many(keys, f);
}

void Store::prefetch(std::span<const std::string_view> keys) const noexcept {
  if (engine_) engine_->prefetch(keys);
}

Result<Version> Store::put(std::string_view key, std::string_view value,
                           const PutOptions& options) {
  if (!engine_) return closed();
  return engine_->put(key, value, options);
}

Result<Version> Store::touch(std::string_view key, Millis ttl) {
  if (!engine_) return closed();
  return engine_->touch(key, TouchOptions{.ttl = ttl});
}

Result<Version> Store::touch(std::string_view key, const TouchOptions& options) {
  if (!engine_) return closed();
  return engine_->touch(key, options);
}

Status Store::erase(std::string_view key, const EraseOptions& options) {
  if (!engine_) return closed();
  return engine_->erase(key, options);
}

Result<Version> Store::update(std::string_view key,
                              FunctionRef<UpdateAction(const RecordView*, std::string&)> f,
                              const PutOptions& options) {
  if (!engine_) return closed();
  return engine_->update(key, f, options);
}

Result<Version> Store::rename(std::string_view from, std::string_view to,
                              const RenameOptions& options) {
  if (!engine_) return closed();
  return engine_->rename(from, to, options);
}

Result<Version> Store::apply(std::span<const Write> writes, std::optional<Durability> durability) {
  if (!engine_) return closed();
  return engine_->apply(writes, durability);
}

Result<std::string> Store::get_field(std::string_view key, std::string_view name) const {
  if (!engine_) return closed();
  return engine_->get_field(key, name);
}

Result<Version> Store::set_fields(std::string_view key, std::span<const Field> fields,
                                  const PutOptions& options) {
  if (!engine_) return closed();
  return engine_->set_fields(key, fields, options);
}

Result<std::size_t> Store::erase_fields(std::string_view key,
                                        std::span<const std::string_view> names,
                                        const EraseOptions& options) {
  if (!engine_) return closed();
  return engine_->erase_fields(key, names, options);
}

Result<std::int64_t> Store::increment_field(std::string_view key, std::string_view name,
                                            std::int64_t delta, const PutOptions& options) {
  if (!engine_) return closed();
  return engine_->increment_field(key, name, delta, options);
}

Result<Version> Store::visit_fields(std::string_view key, FunctionRef<void(const Field&)> f) const {
  if (!engine_) return closed();
  return engine_->visit_fields(key, f);
}

Result<std::vector<OwnedRecord>> Store::owned_by(std::string_view owner) const {
  if (!engine_) return closed();
  return engine_->owned_by(owner);
}

Result<std::size_t> Store::erase_owned(std::string_view owner, std::string_view keep_key,
                                       const EraseOptions& options) {
  if (!engine_) return closed();
  return engine_->erase_owned(owner, keep_key, options);
}

Result<Cursor> Store::scan(Cursor cursor, std::size_t count,
                           FunctionRef<void(const RecordView&)> f) const {
  if (!engine_) return closed();
  return engine_->scan(cursor, count, f);
}

TimeMs Store::now() const noexcept { return engine_ ? engine_->now() : 0; }

TimeMs Store::wall_now() const noexcept { return engine_ ? engine_->wall_now() : 0; }

const std::string& Store::path() const noexcept {
  static const std::string none;
  return engine_ ? engine_->path() : none;
}

Subscription Store::subscribe(std::function<void(const Event&)> f, EventMask mask) {
  return engine_ ? engine_->subscribe(std::move(f), mask) : Subscription();
}

void Store::deliver_events() {
  if (engine_) engine_->deliver_events();
}

void Store::set_memory_limit(std::size_t bytes) {
  if (engine_) engine_->set_memory_limit(bytes);
}

Stats Store::stats() const { return engine_ ? engine_->stats() : Stats(); }

Status Store::sync() {
  if (!engine_) return closed();
  return engine_->sync();
}

void Store::when_durable(Version version, std::function<void(Status)> f) {
  if (!engine_) return f(closed());
  engine_->when_durable(version, std::move(f));
}

Result<Version> Store::checkpoint(const std::string& dir) {
  if (!engine_) return closed();
  return engine_->checkpoint(dir);
}

std::size_t Store::sweep() { return engine_ ? engine_->sweep() : 0; }

}  // namespace cloakroom
