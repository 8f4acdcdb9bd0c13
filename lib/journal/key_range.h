// A part of the keys.
#ifndef CLOAKROOM_LIB_JOURNAL_KEY_RANGE_H_
#define CLOAKROOM_LIB_JOURNAL_KEY_RANGE_H_

#include <string>

namespace cloakroom {

// The keys from `begin` up to, and without, `end`; an empty end is the end of all.
struct KeyRange {
  std::string begin = {};
  std::string end = {};
};

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_KEY_RANGE_H_
