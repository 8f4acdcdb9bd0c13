// The generation of a store as its sessions know it.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_READING_SESSION_GENERATION_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_READING_SESSION_GENERATION_H_

#include <cstdint>

#include "cloakroom/record.h"
#include "sessions/session_record.h"

namespace cloakroom::cli {

// The generation that the sessions of the web layer saw last, when this is the record that says so;
// 0 for any other. A store of another generation is a copy to them.
[[nodiscard]] inline std::uint32_t session_generation(const RecordView& record) {
  MetaRecord meta;
  const bool says = record.kind == Kind::kSession && type_of(record.value) == RecordType::kMeta &&
                    decode(record.value, meta) && meta.generation < UINT32_MAX;
  return says ? static_cast<std::uint32_t>(meta.generation) : 0;
}

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_READING_SESSION_GENERATION_H_
