// The threads of one store's RocksDB: one that flushes, one that compacts.
//
// RocksDB takes its threads from the Env, and everybody's default Env has one pool for the whole
// process: a host with a RocksDB of its own would share threads with us, and a priority given to ours
// would be given to its. Here each store has two threads of its own that make way: they work off what
// the committer has written, and nobody waits for them until they are far behind
// (RocksSnapshot::behind()). On a single core that doubles the rate of writes; measured in
// docs/decisions/0013.
//
//   Schedule(HIGH)  ->  flushes       one thread, started by the first job, nice 10
//   Schedule(LOW)   ->  compactions   the same
//
// Anything else an Env does is the wrapped one's. Jobs of a pool run one after the other in the order
// they came. Destruction drops what is queued and waits for what runs; RocksDB has none of either
// once its database is closed. Safe from any thread.
#ifndef CLOAKROOM_LIB_JOURNAL_ROCKS_THREADS_H_
#define CLOAKROOM_LIB_JOURNAL_ROCKS_THREADS_H_

#include <rocksdb/env.h>

#include <memory>

namespace cloakroom {

[[nodiscard]] std::unique_ptr<rocksdb::Env> make_env_with_own_threads(
    std::unique_ptr<rocksdb::Env> base);

}  // namespace cloakroom

#endif  // CLOAKROOM_LIB_JOURNAL_ROCKS_THREADS_H_
