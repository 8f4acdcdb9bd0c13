// Ctrl-C as a question: work that must not stop half-way asks between two steps whether it should.
#ifndef CLOAKROOM_TOOLS_CLOAKROOM_TEXT_INTERRUPT_H_
#define CLOAKROOM_TOOLS_CLOAKROOM_TEXT_INTERRUPT_H_

#include <csignal>

namespace cloakroom::cli {

// While it exists, SIGINT and SIGTERM are noted; a second one ends the process as ever. One at a
// time.
class Interrupts {
 public:
  Interrupts() {
    received = 0;
    struct sigaction note {};
    note.sa_handler = [](int signal) { received = signal; };
    note.sa_flags = static_cast<int>(SA_RESETHAND);  // no restart: a read that waits must end
    ::sigemptyset(&note.sa_mask);
    ::sigaction(SIGINT, &note, nullptr);
    ::sigaction(SIGTERM, &note, nullptr);
  }
  ~Interrupts() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  [[nodiscard]] bool came() const noexcept { return received != 0; }
  // The same, for who does not have the object; false when there is none.
  [[nodiscard]] static bool pending() noexcept { return received != 0; }

  // Ends the process by the signal that came, as if nobody had noted it; returns 128 and its number
  // where that does not end it.
  [[nodiscard]] int end() const {
    const int signal = received;
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return 128 + signal;
  }

 private:
  static inline volatile std::sig_atomic_t received = 0;
};

}  // namespace cloakroom::cli

#endif  // CLOAKROOM_TOOLS_CLOAKROOM_TEXT_INTERRUPT_H_
