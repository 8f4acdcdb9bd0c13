// The pages, as plain HTML that works without scripts: labelled fields, headings in order, a
// language, a visible focus, messages that a screen reader announces.
#ifndef EXAMPLES_LOGIN_SERVER_PAGES_H_
#define EXAMPLES_LOGIN_SERVER_PAGES_H_

#include <cloakroom/cloakroom.h>

#include <string>
#include <string_view>
#include <vector>

namespace login {

inline constexpr std::string_view kStyleSheet =
    R"(body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1b1b; background: #fff; }
label { display: block; margin-top: .8rem; font-weight: 600; }
input, button { font: inherit; padding: .4rem .6rem; border: 1px solid #595959; border-radius: .3rem; }
button { margin-top: .8rem; background: #0b4f8a; color: #fff; border-color: #0b4f8a; cursor: pointer; }
:focus-visible { outline: 3px solid #b45309; outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #bbb; }
.message { border-left: .3rem solid #0b4f8a; padding: .4rem .8rem; background: #eef4fa; }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616; }
  .message { background: #1d2a36; } input { color: #eee; background: #222; } a { color: #8ec5ff; } }
)";

// What every page knows of the visitor.
struct View {
  std::string_view user = {};     // empty: nobody has logged in
  std::string_view csrf = {};     // what every form sends back
  std::string_view message = {};  // shown above the page, once
};

// `text` with the characters escaped that mean something in HTML, attributes included.
[[nodiscard]] std::string escape(std::string_view text);

[[nodiscard]] std::string home_page(const View& view, long long visits);
[[nodiscard]] std::string login_page(const View& view);
[[nodiscard]] std::string devices_page(const View& view,
                                       const std::vector<cloakroom::SessionInfo>& devices);
[[nodiscard]] std::string password_page(const View& view);
[[nodiscard]] std::string confirm_page(const View& view);
[[nodiscard]] std::string error_page(std::string_view title, std::string_view text);

}  // namespace login

#endif  // EXAMPLES_LOGIN_SERVER_PAGES_H_
