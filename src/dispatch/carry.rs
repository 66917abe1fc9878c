//! What carries a provider's requests.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::message::delivery::SendError;
use crate::provider::{Answer, Request, Transport};

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries a provider's requests: the only thing here that touches the world outside.
pub trait Carry: Send + Sync {
    /// Carries one request, within its account's timeout.
    fn carry(&self, request: Request) -> BoxFuture<'_, Result<Answer, SendError>>;
}

/// Makes the carrier of an account.
pub type Carriers = Arc<dyn Fn(&Transport) -> Arc<dyn Carry> + Send + Sync>;
