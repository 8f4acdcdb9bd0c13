// Strings that held something secret: what a core dump or a freed block should not show. Best
// effort: a string that grew has left its earlier, shorter self behind, so reserve what is known to
// come.
#ifndef CLOAKROOM_LIB_BASE_WIPE_H_
#define CLOAKROOM_LIB_BASE_WIPE_H_

#include <string.h>  // explicit_bzero

#include <string>

namespace cloakroom {

// Overwrites what the string holds, and what it held when it was longer; it is empty then.
inline void wipe(std::string& secret) noexcept {
  secret.resize(secret.capacity());
  explicit_bzero(secret.data(), secret.size());
  secret.clear();
}

// Wipes a string when the scope is left, whatever way.
class WipeAtEnd {
 public:
  explicit WipeAtEnd(std::string& secret) noexcept : secret_(secret) {}
  ~WipeAtEnd() { wipe(secret_); }
  WipeAtEnd(const WipeAtEnd&) = delete;
  WipeAtEnd& operator=(const WipeAtEnd&) = delete;

 private:
  std::string& secret_;
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_BASE_WIPE_H_
