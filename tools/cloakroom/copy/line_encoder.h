// Records become lines on a thread of their own, while the next ones are read.
//
//   walk --add()--> batch --queue of kBatchesMax--> thread: lines --> LineSink
//
// The order is kept, and no more than a few batches are in memory, however slow the sink is. One
// thread calls add() and finish().
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_COPY_LINE_ENCODER_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_COPY_LINE_ENCODER_H_

#include <cstddef>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/thread_annotations.h"
#include "cloakroom/record.h"
#include "cloakroom/status.h"
#include "copy/line_files.h"

namespace cloakroom::cli {

class LineEncoder {
 public:
  // Borrows the sink, which is the encoder's until finish() has returned.
  explicit LineEncoder(LineSink& sink);
  ~LineEncoder();
  LineEncoder(const LineEncoder&) = delete;
  LineEncoder& operator=(const LineEncoder&) = delete;

  // False when the sink has failed: finish() says how. Waits while too much is under way.
  bool add(const RecordView& record);
  // Everything that was added has been handed to the sink, or why not.
  Status finish();

 private:
  // The strings of all records one behind the other, and what else they have.
  struct Batch {
    std::string bytes;
    std::vector<RecordView> records;  // their views are empty; the sizes count
    std::vector<std::size_t> sizes;   // of key, value and owner
  };
  static constexpr std::size_t kBatchBytes = std::size_t{128} << 10;
  static constexpr std::size_t kBatchesMax = 4;

  bool hand_over();
  void encode_all();
  Status encode(const Batch& batch);

  LineSink& sink_;
  Batch batch_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Batch> queue_ GUARDED_BY(mutex_);
  std::vector<Batch> spare_ GUARDED_BY(mutex_);  // kept for their capacity
  Status status_ GUARDED_BY(mutex_);
  bool end_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_COPY_LINE_ENCODER_H_
