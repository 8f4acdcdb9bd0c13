// Where imported records go: a new store that is written in bulk, or one that is open and changes.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_MOVE_RECORD_SINK_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_MOVE_RECORD_SINK_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cloakroom/store.h"
#include "copy/copy.h"

namespace cloakroom::cli {

// Deadlines are wall time here. Not thread-safe.
class RecordSink {
 public:
  // A new store in bulk: memory stays small. What is not finished is not there.
  static Result<std::unique_ptr<RecordSink>> bulk(const std::string& dir);
  // A new store that can be changed while it grows, in memory as a server has it.
  static Result<std::unique_ptr<RecordSink>> growing(const std::string& dir);
  // Into a store that exists.
  static Result<std::unique_ptr<RecordSink>> merging(const std::string& dir, Existing existing);
  // Nowhere.
  static std::unique_ptr<RecordSink> none();

  virtual ~RecordSink() = default;

  enum class Put { kStored, kSame, kKept };
  virtual Result<Put> put(const RecordView& record) = 0;
  virtual Status erase(std::string_view key) = 0;
  virtual Status finish() = 0;
  // Of growing(): to look at what is there. Null for the others.
  [[nodiscard]] virtual Store* store() { return nullptr; }

 protected:
  RecordSink() = default;
  RecordSink(const RecordSink&) = delete;
  RecordSink& operator=(const RecordSink&) = delete;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_MOVE_RECORD_SINK_H_
