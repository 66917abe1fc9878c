//! Links to whole texts, signed with a secret of the state directory.

use std::path::Path;
use std::sync::Arc;

use crate::message::link::Links;
use crate::secret::{SecretRef, Surroundings};

/// The name of the secret. Whoever removes its file makes the links of before invalid.
const SECRET: &str = "message-links";

/// Links, where the world reaches us. Without them long texts are only cut.
pub(super) fn open(public_url: Option<&str>, state: &Path) -> Option<Arc<Links>> {
    let url = public_url?;
    let secret =
        Surroundings::of_process(Some(state.to_owned()), true).secret(&SecretRef::Generated(SECRET.to_owned()));
    match secret {
        Ok(secret) => Some(Arc::new(Links::new(url, &secret))),
        Err(why) => {
            tracing::error!("no links to whole texts: {why}");
            None
        }
    }
}
