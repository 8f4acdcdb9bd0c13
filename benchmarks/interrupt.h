// Ctrl-C: the first one ends the run in order, so that servers stop and temporary files go; the
// second ends the program at once.
#ifndef CLOAKROOM_BENCHMARKS_INTERRUPT_H_
#define CLOAKROOM_BENCHMARKS_INTERRUPT_H_

namespace cloakroom::bench {

// From now on SIGINT and SIGTERM are noticed by stop_if_interrupted().
void catch_interrupts() noexcept;

// Failure when one of them came. Safe from any thread; cheap, but not meant for single operations.
void stop_if_interrupted();

}  // namespace cloakroom::bench

#endif  // CLOAKROOM_BENCHMARKS_INTERRUPT_H_
