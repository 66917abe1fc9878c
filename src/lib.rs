//! hookbell: a hook is called, a bell rings.
//!
//! One daemon that is both a drop-in for adnanh/webhook (a hook runs a command) and a message gateway (a hook sends to
//! fixed contacts through embedded provider clients, out of a durable outbox). This page is the map of the house.
//!
//! # Two towers and a bridge
//!
//! *In* reads what callers say, *Out* brings messages to phones. They meet in [`action::send`], which writes a message,
//! in [`http`], which reads where it stands, and in [`config`], which compiles both into one snapshot. A module uses
//! only floors below its own; a test holds that.
//!
//! | floor | in | both | out |
//! |---|---|---|---|
//! | 9 | | [`cli`]: the terminal's face | |
//! | 8 | | [`app`]: one process, from settings to stopped | |
//! | 7 | | [`http`]: the edge | |
//! | 6 | [`action`]: what a hook does | [`config`]: what the files say, compiled | |
//! | 5 | [`hook`]: hooks, ready to be called | | [`dispatch`]: a lane for each account |
//! | 4 | | | [`outbox`]: the durable store; [`provider`]: what to say next |
//! | 3 | [`rule`]: when a hook fires | [`template`]: text with parameters | [`message`]: the life of a delivery |
//! | 2 | [`request`]: one call, read | [`contact`]: people, phones, ways | |
//! | 1 | [`go`]: what of Go we imitate | [`node`]: files with places; [`process`]: the only spawn | |
//! | 0 | [`url`] | [`account`], [`clock`], [`diagnostic`], [`metrics`], [`secret`], [`tasks`] | |
//!
//! # The straight line
//!
//! ```text
//! hyper::Request
//!   │ http::router       Route::Hook(id)
//!   │ config             LiveConfig::current()          kept to the end of this request
//!   │ hook::admit        method, browsers' guesses, token in header or url
//!   │ request            HookRequest::read
//!   │ hook::admit        token in the body, required parameters
//!   │ rule               judge: satisfied, not satisfied, or an error
//!   │ action             perform: run a command │ enqueue a message     only now may we say "accepted"
//!   ▼ http::outcome      the response
//! ──────────────────────────── the disk lies between ────────────────────────────
//!   dispatch::lane       outbox.claim
//!   │ provider::attach   what goes along: itself, a link, or a note that it is left out
//!   │ provider           converse: the next request, the receipt, or why not
//!   │ dispatch::transport  carries it
//!   │ message            Delivery::advance: retry, next way, give up
//!   ▼ outbox             settle
//! ──────────────────────────── later, and in any order ──────────────────────────
//!   http::callback       what a provider calls: its secret, its signature
//!   │ provider::callback parse: reports, and messages from people
//!   dispatch::poll       or asks it, round after round, where nobody can call this host
//!   │ provider::poll     what to ask, and what was heard
//!   ▼ dispatch::hear     who wrote, by the contacts; the log
//!   │ http::pull         a device, which also fetches what dispatch::pull leases to it
//!   ▼ outbox             report: Delivery::advance for what it is about; windows; kept
//! ```
//!
//! # Where to add what
//!
//! * **a provider** that data can describe: a dialect, which is a JSON file in `provider/dialects/` ([`provider::dialect`]
//!   says how), a fixture in `tests/fixtures/providers/`, an example in `examples/providers/`;
//! * **any other provider**: a file in `provider/kinds/`, with a `probe` where it can be asked whether it works; two adjacent
//!   lines in `provider/kinds/mod.rs`, a fixture and an example. What it can do is data, [`provider::capabilities`], of which
//!   the README's table is made; how its channel writes bold text is a style of `provider/markup.rs`. One that calls us also
//!   implements [`provider::callback::Callback`], one that is asked for its news [`provider::poll::Poll`], one whose messages
//!   a device fetches [`provider::pull::Pull`];
//! * **a hook property**: a row in [`hook::properties`], a field in [`hook::raw`] and in [`hook::Hook`], a line in its
//!   `compile`;
//! * **a kind of match in trigger rules**: a file in `rule/`, a variant in its `Test`, a row in `rule/compile.rs`;
//! * **a parameter source**: a variant in [`request::parameter`], which the compiler follows;
//! * **a flag**: a row in [`cli::flags`];
//! * **a metric**: a field and a typed method in [`metrics`], a family in its page.

pub mod account;
pub mod action;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contact;
pub mod diagnostic;
pub mod dispatch;
pub mod go;
pub mod hook;
pub mod http;
pub mod message;
pub mod metrics;
pub mod node;
pub mod outbox;
pub mod process;
pub mod provider;
pub mod request;
pub mod rule;
pub mod secret;
pub mod tasks;
pub mod template;
pub mod url;
