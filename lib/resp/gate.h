// Many commands at a time, or one alone. Each I/O thread has a lock of its own, on a line of its
// own: an ordinary command takes that one, which nobody else wants, and a command that must be
// alone takes all of them in order. No reader can starve a writer, and ordinary commands of
// different threads share no line.
#ifndef CLOAKROOM_LIB_RESP_GATE_H_
#define CLOAKROOM_LIB_RESP_GATE_H_

#include <cstddef>
#include <memory>
#include <mutex>

namespace cloakroom::resp {

class Gate {
 public:
  explicit Gate(std::size_t threads) : count_(threads), lanes_(new Lane[threads]) {}

  // Holds the lane of one thread, or all of them.
  class Pass {
   public:
    Pass(Gate& gate, std::size_t thread, bool alone)
        : gate_(gate), first_(alone ? 0 : thread), end_(alone ? gate.count_ : thread + 1) {
      for (std::size_t i = first_; i < end_; ++i) gate_.lanes_[i].mutex.lock();
    }
    ~Pass() {
      for (std::size_t i = end_; i-- > first_;) gate_.lanes_[i].mutex.unlock();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    Gate& gate_;
    std::size_t first_;
    std::size_t end_;
  };

 private:
  struct alignas(64) Lane {
    std::mutex mutex;
  };
  std::size_t count_;
  std::unique_ptr<Lane[]> lanes_;
};

}  // namespace cloakroom::resp

#endif  // CLOAKROOM_LIB_RESP_GATE_H_
