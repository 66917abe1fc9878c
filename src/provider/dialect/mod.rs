//! The language of dialects: how a JSON file describes a gateway that is spoken to by HTTP.
//!
//! Most gateways differ in words only. A dialect says them, and one provider speaks all of them. A dialect of ours is a file
//! `src/provider/dialects/NAME.json`, with a fixture and an example of the same name, and so a provider called NAME; anybody
//! else's is named by an account: `"provider": "http-json", "dialect": {"file": "acme.json"}`.
//!
//! ```json
//! {
//!   "help": "Acme: messages to phones.",
//!   "base-url": "https://api.acme.example",
//!   "properties": { "token": { "holds": "secret", "needed": true, "help": "Of the cabinet's page API." } },
//!   "takes": { "whatsapp": "{{ digits }}@c.us", "whatsapp-group": "{{ address }}" },
//!   "rate": "1/s burst 5",
//!   "text": { "most": 4096, "unit": "characters", "style": "whatsapp", "priorities": { "high": 5 } },
//!   "credentials": { "bearer": "{{ token }}" },
//!   "send": {
//!     "url": "{{ base_url }}/v1/messages",
//!     "json": { "chat": "{{ to }}", "text": "{{ text }}", "priority": "{{ priority }}" }
//!   },
//!   "answer": {
//!     "success": { "at": "/id" }, "id": "/id", "code": "/error/code", "words": "/error/message",
//!     "codes": { "401": "account", "1000-1099": "recipient", "77": "wait account 1m" }
//!   },
//!   "callback": {
//!     "reports": { "each": "/statuses", "id": "/id", "state": "/status", "states": { "seen": "read" }, "time": "/at" }
//!   }
//! }
//! ```
//!
//! * **Properties** are what an account has besides those of all accounts: `holds` is `text`, `secret`, `url` (a whole address
//!   that is a secret) or a list of words. `base-url` is where the API is, or `needed` for servers of one's own; it is left
//!   out where a property is the whole address.
//! * **takes** names the kinds of addresses, the rather used first, and what the gateway calls one, over `address` and
//!   `digits`. Without it the account is itself the address, as the webhook of a room is.
//! * **Templates** are of the house's kind ([`crate::template`]), over `text`, `plain`, `title`, `to`, `kind`, `key` (also as a
//!   number and as hexadecimal digits, `key_number` and `key_hex`), `contact`, `priority`, `format`, `thread`, `reply_to`
//!   (the id of what the account sent last of that thread to the same address), `link`, `media`, `time`, `base_url` and the
//!   properties of the account, which come first, and where a dash becomes `_`. In `json`, `form` and `query` a text that is
//!   one tag keeps the type of its value; what is empty is left out, with its key. In a URL every value is percent-encoded,
//!   but for `base_url` and a `url`. Secrets are masked wherever a person looks. A header's name is written with capital
//!   letters: keys like `x-…` are comments.
//! * **text**: `style` is plain, html, markdown, slack or whatsapp, and `plain-style` another for plain texts, where the request
//!   says by `format` which it is; `plain` is the text without marks, for channels that want both. With a `title` the channel has
//!   titles of that length; else it is the first line of the text.
//! * **A condition** is `{"at": POINTER}`: something stands there; with `is`, `not` or `has` what; or `{"text": …}`, the whole
//!   body.
//! * **answer**: a 2xx is a success, if one of `success` holds and none of `failure`; with neither, nobody knows. A refusal
//!   is what its code says, else what its words say (`says`, any part of them), else its status (`statuses`, then what all
//!   HTTP has in common). Classes are `recipient`, `content`, `form`, `account`, `fault`, `unknown`, and
//!   `wait recipient|sender|account TIME`; `done` is a refusal of what it has already.
//! * **callback**: `reports`, `inbound` and `standing` each say where the pieces are (`each`), which of them are meant
//!   (`when`, all of it), and where their parts are. A state is `sent`, `delivered`, `read`, `failed` (by its code, as
//!   answers are), or a class. A time is seconds, milliseconds or RFC 3339.
//!   An id may be a list of ids. `proof` is a `header` that holds the secret or, with `hmac`, a signature by it, or a field of
//!   the body (`at`) that holds it; `within` is the field that all the rest is packed into.
//! * **media**: a request for some kinds, over `media.link`, `.base64`, `.data_uri`, `.source` (a link or a data URI), `.name`,
//!   `.mime`, `.kind`; the text is its caption.
//! * **template**: the request for a template that Meta approved, over what others have and `template.name`, `.language`, and
//!   its parameters: `.texts`, or `.components` as Meta writes them. With it accounts have `approved-template`.
//! * **probe**: a request, and what holds of the answer of an account that works.
//!
//! What data can't say stays out: signatures over addresses, JWT, uploads in several steps.

mod answer;
mod callback;
mod condition;
mod document;
mod file;
mod gateway;
mod parse;
mod proof;
mod request;
mod settings;
mod tree;
mod wording;

pub use self::parse::{Parsed, parsed};
