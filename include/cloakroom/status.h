// Status and Result<T>: how every call of Cloakroom answers.
//
// No function of the library throws, aborts or prints. What the world does (a disk, a limit, a
// conflict) comes back as a Status; std::bad_alloc from the host's allocator is the one exception
// that passes through, and leaves the store as it was before the call.
#ifndef CLOAKROOM_STATUS_H_
#define CLOAKROOM_STATUS_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cloakroom {

// Codes are chosen by what the caller does next, not by which part of the library spoke.
enum class StatusCode {
  kOk,
  kNotFound,         // Absent or expired. An answer, never a failure of the system.
  kEnded,            // The session was ended; tell the user to log in again.
  kConflict,         // The version given is not the current one: read again, decide again.
  kWrongKind,        // The record holds bytes and fields were asked for, or the reverse.
  kInvalidArgument,  // The call itself is wrong; the message says how. Repeating it is useless.
  kTooLarge,         // A key or a value is over its limit. Nothing was changed.
  kFull,             // The memory limit or the disk floor is reached. Erases still pass.
  kBusy,             // The disk does not keep up: no room in the journal's ring within
                     // Options::stall_limit. Nothing was changed; try again later.
  kReadOnly,         // The store latched read-only after a failed write; stats().degraded says why.
  kCorruption,       // Bytes on disk are not what was written. The message names the place.
  kIo,               // The disk or the file system said no. The outcome of a write is in doubt.
  kClosed,           // The store was closed.
};

// "kNotFound" and so on; a pointer to a constant.
[[nodiscard]] const char* to_string(StatusCode code) noexcept;

// Cheap when there is no message: one enum and an empty string. Safe to copy between threads.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  explicit Status(StatusCode code) noexcept : code_(code) {}
  Status(StatusCode code, std::string message) noexcept
      : code_(code), message_(std::move(message)) {}

  [[nodiscard]] explicit operator bool() const noexcept { return code_ == StatusCode::kOk; }
  [[nodiscard]] bool ok() const noexcept { return code_ == StatusCode::kOk; }
  [[nodiscard]] StatusCode code() const noexcept { return code_; }

  // What happened, where, and what to do about it; empty for kOk and usually for kNotFound. Never
  // contains a key, a value or a token.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

  // The same name as Result<T>::status(), so that one line of error handling serves both.
  [[nodiscard]] const Status& status() const noexcept { return *this; }

  // "kIo: cannot write ..." for logs.
  [[nodiscard]] std::string to_string() const;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

// A T, or the Status that says why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT: `return value;` is the point.
  Result(Status status) noexcept                 // NOLINT: `return status;` likewise.
      : status_(std::move(status)) {}
  Result(StatusCode code) noexcept : status_(code) {}  // NOLINT: for messages that say nothing.

  [[nodiscard]] explicit operator bool() const noexcept { return value_.has_value(); }
  [[nodiscard]] bool ok() const noexcept { return value_.has_value(); }
  [[nodiscard]] StatusCode code() const noexcept { return status_.code(); }
  [[nodiscard]] const Status& status() const noexcept { return status_; }

  // REQUIRES: ok(). As with std::optional, anything else is undefined.
  [[nodiscard]] T& operator*() & noexcept { return *value_; }
  [[nodiscard]] const T& operator*() const& noexcept { return *value_; }
  // By value, so that `for (auto& x : *store.owned_by("alice"))` does not dangle.
  [[nodiscard]] T operator*() && { return *std::move(value_); }
  [[nodiscard]] T* operator->() noexcept { return &*value_; }
  [[nodiscard]] const T* operator->() const noexcept { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_STATUS_H_
