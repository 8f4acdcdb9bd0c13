// Replies, in RESP2 or RESP3 as the client chose. Appends to a string that the connection sends.
//
// What a handler says            RESP2             RESP3
//   null(), null_array()         $-1, *-1          _
//   map(n)                       *2n               %n
//   set(n)                       *n                ~n
//   push(n)                      *n                >n
//   number(double)               bulk              ,
//   boolean(b)                   :1 :0             #t #f
//   verbatim(text)               bulk              =
//
// Errors and simple strings hold no CR or LF and are cut at kErrorBytesMax, whatever they quote.
// Thread safety: none.
#ifndef CLOAKROOM_LIB_RESP_REPLY_H_
#define CLOAKROOM_LIB_RESP_REPLY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cloakroom::resp {

inline constexpr std::size_t kErrorBytesMax = 1024;

class Reply {
 public:
  Reply(std::string& out, int protocol) noexcept : out_(out), protocol_(protocol) {}

  void ok() { out_ += "+OK\r\n"; }
  void simple(std::string_view text);
  void error(std::string_view text);  // begins with its code: "ERR syntax error"
  void integer(std::int64_t value);
  void bulk(std::string_view bytes);
  void bulk_integer(std::int64_t value);
  void number(double value);
  void boolean(bool value);
  void null();
  void null_array();
  void array(std::size_t count) { header('*', count); }
  void map(std::size_t pairs);
  void set(std::size_t count) { header(protocol_ >= 3 ? '~' : '*', count); }
  void push(std::size_t count) {
    pushed_ = true;
    header(protocol_ >= 3 ? '>' : '*', count);
  }
  void verbatim(std::string_view text);
  void raw(std::string_view bytes) { out_ += bytes; }

  [[nodiscard]] int protocol() const noexcept { return protocol_; }
  void set_protocol(int protocol) noexcept { protocol_ = protocol; }
  [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }
  // Takes back what was said since the size was `size`.
  void truncate(std::size_t size) { out_.resize(size); }
  [[nodiscard]] std::string_view since(std::size_t size) const noexcept {
    return std::string_view(out_).substr(size);
  }
  // Something was said that is no reply: it goes out to a client that wants no replies, too.
  [[nodiscard]] bool pushed() const noexcept { return pushed_; }
  [[nodiscard]] std::uint64_t errors() const noexcept { return errors_; }
  [[nodiscard]] std::string_view last_error_code() const noexcept { return code_; }

 private:
  void header(char type, std::size_t count);
  void line(char type, std::string_view text);

  std::string& out_;
  int protocol_;
  bool pushed_ = false;
  std::uint64_t errors_ = 0;
  std::string code_ = {};
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_REPLY_H_
