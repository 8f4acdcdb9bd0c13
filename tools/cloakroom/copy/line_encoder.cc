#include "copy/line_encoder.h"

#include <utility>

#include "copy/record_line.h"

namespace cloakroom::cli {

LineEncoder::LineEncoder(LineSink& sink) : sink_(sink), thread_([this] { encode_all(); }) {}

LineEncoder::~LineEncoder() {
  if (thread_.joinable()) (void)finish();
}

bool LineEncoder::add(const RecordView& record) {
  for (const std::string_view part : {record.key, record.value, record.owner}) {
    batch_.bytes += part;
    batch_.sizes.push_back(part.size());
  }
  RecordView rest = record;
  rest.key = rest.value = rest.owner = {};
  batch_.records.push_back(rest);
  return batch_.bytes.size() < kBatchBytes || hand_over();
}

bool LineEncoder::hand_over() {
  MutexLock guard(mutex_);
  while (queue_.size() >= kBatchesMax && status_) changed_.wait(mutex_);
  queue_.push_back(std::exchange(batch_, {}));
  if (!spare_.empty()) {
    batch_ = std::move(spare_.back());
    spare_.pop_back();
  }
  changed_.notify_all();
  return status_.ok();
}

Status LineEncoder::finish() {
  (void)hand_over();
  {
    MutexLock guard(mutex_);
    end_ = true;
    changed_.notify_all();
  }
  thread_.join();
  MutexLock guard(mutex_);
  return status_;
}

// What is handed over after a failure is thrown away.
void LineEncoder::encode_all() {
  for (;;) {
    Batch batch;
    bool failed = false;
    {
      MutexLock guard(mutex_);
      while (queue_.empty() && !end_) changed_.wait(mutex_);
      if (queue_.empty()) return;
      batch = std::move(queue_.front());
      queue_.pop_front();
      failed = !status_;
      changed_.notify_all();
    }
    const Status done = failed ? Status() : encode(batch);
    batch.bytes.clear();
    batch.records.clear();
    batch.sizes.clear();
    MutexLock guard(mutex_);
    if (!done) status_ = done;
    spare_.push_back(std::move(batch));
    changed_.notify_all();
  }
}

Status LineEncoder::encode(const Batch& batch) {
  std::string_view rest = batch.bytes;
  auto size = batch.sizes.begin();
  const auto take = [&] {
    const std::string_view part = rest.substr(0, *size);
    rest.remove_prefix(*size++);
    return part;
  };
  for (RecordView record : batch.records) {
    record.key = take();
    record.value = take();
    record.owner = take();
    append_record_line(sink_.buffer(), record);
    if (Status flushed = sink_.flush_some(); !flushed) return flushed;
  }
  return Status();
}

}  // namespace cloakroom::cli
