// Operation files: one session-store command a line, in time order.
//
//   t_seconds,key,key_size,value_size,op,ttl
//   1263,1,37,1286,set,1800
//
// The header names the columns, in any order. `key` is a number, 1 for the first key to appear;
// `value_size` of a get is the size that must come back, 0 when the get must miss; `ttl` is in
// seconds and above 0 for storing operations and touch.
#ifndef CLOAKROOM_BENCHMARKS_TRACE_READER_H_
#define CLOAKROOM_BENCHMARKS_TRACE_READER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace cloakroom::bench {

enum class TraceOp : std::uint8_t {
  kGet,
  kSet,
  kAdd,   // stores only if absent; on a live key it changes nothing, the deadline included
  kGets,  // a get that remembers the version
  kCas,   // directly behind a gets of the same key: stores if that version is current
  kTouch,
  kDelete,
};

struct TraceLine {
  std::int64_t t_seconds = 0;
  std::uint32_t key = 0;
  std::uint32_t value_bytes = 0;
  std::uint32_t ttl_seconds = 0;
  TraceOp op = TraceOp::kGet;
};

struct Trace {
  std::string path;
  std::vector<TraceLine> lines;
  // By key number: how many bytes its string has. 0: the number does not occur.
  std::vector<std::uint16_t> key_bytes;
};

// Reads and checks the whole file. Failure (kExitUsage) that names file, column or line, and what
// to do about it.
[[nodiscard]] Trace read_trace(const std::string& path);

// The string that stands for a key number: its decimal digits, with zeros before them to fill
// `bytes`. Different numbers have different strings, whatever their sizes.
[[nodiscard]] std::string key_text(std::uint32_t key, std::size_t bytes);

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_TRACE_READER_H_
