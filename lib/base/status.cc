#include "cloakroom/status.h"

namespace cloakroom {

const char* to_string(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::kOk: return "kOk";
    case StatusCode::kNotFound: return "kNotFound";
    case StatusCode::kEnded: return "kEnded";
    case StatusCode::kConflict: return "kConflict";
    case StatusCode::kWrongKind: return "kWrongKind";
    case StatusCode::kInvalidArgument: return "kInvalidArgument";
    case StatusCode::kTooLarge: return "kTooLarge";
    case StatusCode::kFull: return "kFull";
    case StatusCode::kBusy: return "kBusy";
    case StatusCode::kReadOnly: return "kReadOnly";
    case StatusCode::kCorruption: return "kCorruption";
    case StatusCode::kIo: return "kIo";
    case StatusCode::kClosed: return "kClosed";
  }
  return "unknown";
}

std::string Status::to_string() const {
  std::string text = cloakroom::to_string(code_);
  if (!message_.empty()) text.append(": ").append(message_);
  return text;
}

}  // namespace cloakroom
