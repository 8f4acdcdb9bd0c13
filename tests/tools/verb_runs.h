// How each verb is run on a store, for tests that go through all of them. A verb that is not known
// here fails those tests, so that a new one cannot be forgotten.
#ifndef CLOAKROOM_TESTS_TOOLS_VERB_RUNS_H_
#define CLOAKROOM_TESTS_TOOLS_VERB_RUNS_H_

#include <string>
#include <vector>

#include "cli_runner.h"

namespace cloakroom::testing {

// The names of all verbs that the help tells of.
[[nodiscard]] const std::vector<std::string>& all_verbs();

// The verbs that are not about a store on disk (serve, demo, help, completions).
[[nodiscard]] bool needs_no_store(const std::string& verb);

// The verbs that change the store they are run on.
[[nodiscard]] bool changes_store(const std::string& verb);

// Command lines of a verb on the store `dir`, none of which shows values. What they write goes
// below `scratch`, an empty directory. `keys` are keys of the store. Some change the store: give
// each a copy when that matters. An unknown verb fails the test.
[[nodiscard]] std::vector<Arguments> runs_of(const std::string& verb, const std::string& dir,
                                             const std::string& scratch,
                                             const std::vector<std::string>& keys);

// True when the verb takes --json.
[[nodiscard]] bool speaks_json(const std::string& verb);

}  // namespace cloakroom::testing

#endif  // CLOAKROOM_TESTS_TOOLS_VERB_RUNS_H_
