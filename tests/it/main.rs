//! One binary for all tests that cross rooms.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

/// The admin listener: who may ask, what is well, what was counted.
mod admin;
/// The plan of the house is kept: floors, doors, nevers, sizes, tables.
mod architecture;
/// The setup of a well-known how-to, whole: hooks, script, unit, terminal and browser.
mod article;
/// What other programs tell, by the files that `examples/` gives for each.
mod callers;
/// Canaries of accounts go the road of every message, and are missed when they don't come back.
mod canary;
/// The command line as a shell sees it: words, exit codes, the log.
mod cli;
/// What makes a caller's life easy: repeating a call safely, waiting for its end, trying without ringing.
mod comfort;
/// Commands go on without their callers, and leave nothing behind.
mod commands;
/// Calls of hooks are answered, sent and run as the fixtures say.
mod compat;
/// Mistakes in configuration files are told, all at once, each with its place.
mod config;
/// The real binary on a port of its own: its folder, its log, its signals, and a client.
mod daemon;
/// Messages reach their contacts: classes of failure, ways, order, limits, restarts.
mod delivery;
/// What a phone fetches: leases, what it says of them, and its silence.
mod desk;
mod dialects;
/// What is sent straight from memory: within its time, by every way.
mod direct;
/// Connections are accepted, limited and ended gracefully, over real sockets.
mod edge;
/// What the examples and the README show is accepted.
mod examples;
/// Hooks that are expected to be called are missed when they are not, and remembered over restarts.
mod expected;
/// The format of `fixtures/hooks`, which the program `real` reads, too.
mod fixture;
/// What other programs were told is imported: what is printed, whether it loads, and whether it does the same.
mod import;
/// A first hooks file rings by the commands that are printed with it.
mod init;
/// The life of a delivery over random events: forward only, never stuck, each end with its reason.
mod life;
/// Accounts and addresses keep their rates, and what waits for an address goes as one.
mod limits;
/// Mails reach servers, whatever these do; a problem and its end are one conversation.
mod mail;
/// What messages bring besides their texts: kept, carried where that can be, and else a link or a note.
mod media;
/// What providers tell by themselves moves deliveries, opens windows, and is kept.
mod news;
/// What callers and operators may ask of the outbox: the same answer to the same call, lists, retries, an end.
mod operator;
/// Deliveries of one address go in the order of their acceptance.
mod order;
/// The outbox keeps its promises.
mod outbox;
/// From a call to a phone: the real program against stand-ins for providers, and through fifty kills.
mod phone;
/// Providers that are asked for their news: in order, not too often, and without hindering what is sent.
mod poll;
/// Every provider says what its fixtures say.
mod provider_table;
mod providers;
/// Every command block of the README works as shown.
mod readme;
/// Edits of the files are taken, or refused with their reasons, while calls are answered.
mod reload;
/// Trigger rules: how conditions go together, and what that proves of the caller.
mod rules;
/// The JSON Schema says what the reader says.
mod schema;
/// No secret is in any log, however it was sent or configured.
mod secrets;
/// A stop loses nothing: it waits for what is under way, keeps what is queued, and tells the service manager.
mod shutdown;
/// The source as text: which files there are, and which module uses which.
mod source;
/// The outbox on disks that fail it, from damaged files, and what it forgets.
mod store;
/// The units are sound and hardened, and the socket of a service manager is taken over.
mod systemd;
/// A list of hooks may be a template: what it yields is served, and never shown.
mod template;
/// What belongs to one conversation is shown as the answer to what was sent before, and never lost for it.
mod thread;
/// TLS on the port of hooks: certificates, versions, reloads, and clients that are slow or wrong.
mod tls;
/// Requests reach providers, straight and through proxies.
mod transport;
/// Changes of a configuration's files are told at once, however they are made.
mod watch;
/// Ways, patience, breakers and on-failure, each case that the design names.
mod ways;
/// The whole program in-process, on a port of its own, with a folder of its own.
mod world;
