// What a record looks like to a reader.
#ifndef CLOAKROOM_RECORD_H_
#define CLOAKROOM_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include "cloakroom/clock.h"

namespace cloakroom {

// A number that grows with every write of the store. 0 means "absent" and is never assigned.
// Versions of one key are ordered as its writes were; versions of different keys too, so a version
// also names a point in the store's history: when_durable(version) covers all that came before.
using Version = std::uint64_t;

enum class Kind : std::uint8_t {
  kBytes = 0,    // put(): the value is what the caller gave
  kFields = 1,   // set_fields(): named fields, changed singly
  kSession = 2,  // of Sessions, in an encoding of its own; written with PutOptions::kind
  kMembers = 3,  // sets and sorted sets of the Redis-protocol listener, likewise
};

// A key is at most this many bytes; so is an owner. Both may hold any byte. A session key needs 43
// to 80; the limit keeps a hostile key from becoming a denial of service.
inline constexpr std::size_t kKeyBytesMax = 1024;
inline constexpr std::size_t kOwnerBytesMax = 1024;

// A borrowed look at a record. Valid only inside the visitor it was handed to; copy what you keep.
struct RecordView {
  std::string_view key = {};
  std::string_view value = {};  // the value; of kFields see Store::visit_fields
  std::string_view owner = {};  // empty: none
  Kind kind = Kind::kBytes;
  Version version = 0;        // of the last change of the value; a touch does not move it
  TimeMs deadline = kNever;   // alive up to and including this millisecond
  TimeMs lifetime = kNever;   // the bound that no touch passes
  TimeMs created = 0;         // when the key was created; an overwrite keeps it
};

// One named field of a kFields record.
struct Field {
  std::string_view name = {};
  std::string_view value = {};
};

// A reference to a callable, two words, never allocates. Public signatures use it so that a visitor
// costs one indirect call and no header of the implementation. It does not own the callable.
template <class Signature>
class FunctionRef;

template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> &&
             std::is_invocable_r_v<R, F&, Args...>)
  FunctionRef(F&& f) noexcept  // NOLINT: implicit by design
      : object_(address_of(f)), call_([](void* object, Args... args) -> R {
          // A function pointer and an object pointer are the same on every platform of ours.
          auto* const callable = reinterpret_cast<std::remove_reference_t<F>*>(object);
          return (*callable)(static_cast<Args>(args)...);
        }) {}

  R operator()(Args... args) const { return call_(object_, static_cast<Args>(args)...); }

 private:
  template <class F>
  static void* address_of(F& f) noexcept {
    if constexpr (std::is_function_v<F>) {
      return reinterpret_cast<void*>(&f);
    } else {
      return const_cast<void*>(static_cast<const void*>(std::addressof(f)));
    }
  }

  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace cloakroom

#endif  // CLOAKROOM_RECORD_H_
