//! hookbell: a hook is called, a bell rings.

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
pub mod node;
pub mod outbox;
pub mod process;
pub mod provider;
pub mod request;
pub mod secret;
pub mod tasks;
pub mod template;
pub mod url;
