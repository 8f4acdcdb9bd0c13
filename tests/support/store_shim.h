// A store's operations on one key, to be overridden: between a test that records histories and the
// Store, so that a fault can be planted there (faulty_store.h).
#ifndef CLOAKROOM_TESTS_SUPPORT_STORE_SHIM_H_
#define CLOAKROOM_TESTS_SUPPORT_STORE_SHIM_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "cloakroom/store.h"

namespace cloakroom::testing {

// Passes everything on. As thread-safe as what is overridden; the store must outlive it.
class StoreShim {
 public:
  using Visitor = FunctionRef<void(const RecordView&)>;
  using ManyVisitor = FunctionRef<void(std::size_t, const RecordView&)>;
  using Updater = FunctionRef<UpdateAction(const RecordView*, std::string&)>;

  explicit StoreShim(Store& store) : store_(store) {}
  virtual ~StoreShim() = default;
  StoreShim(const StoreShim&) = delete;
  StoreShim& operator=(const StoreShim&) = delete;

  virtual Result<Version> get(std::string_view key, std::string& value) {
    return store_.get(key, value);
  }
  virtual Result<Version> visit(std::string_view key, Visitor f) { return store_.visit(key, f); }
  virtual Result<std::size_t> visit_many(std::span<const std::string_view> keys, ManyVisitor f) {
    return store_.visit_many(keys, f);
  }
  virtual Result<Version> put(std::string_view key, std::string_view value,
                              const PutOptions& options) {
    return store_.put(key, value, options);
  }
  virtual Result<Version> touch(std::string_view key, Millis ttl) { return store_.touch(key, ttl); }
  virtual Status erase(std::string_view key, const EraseOptions& options) {
    return store_.erase(key, options);
  }
  virtual Result<Version> update(std::string_view key, Updater f, const PutOptions& options) {
    return store_.update(key, f, options);
  }

 protected:
  Store& store_;
};

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_SUPPORT_STORE_SHIM_H_
