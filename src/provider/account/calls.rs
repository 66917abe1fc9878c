//! What stands in the path of the provider's calls of an account.

use crate::account::AccountName;
use crate::node::{Node, Placed, Reader};
use crate::provider::Provider;
use crate::secret::{Secret, SecretRef};
use crate::url::encode_segment;

/// The secrets: those that are written, else one that is made, with its name for `hookbell token`.
pub(super) fn secrets(
    account: &AccountName,
    provider: &dyn Provider,
    written: Option<Placed<Vec<Secret>>>,
    node: &Node,
    reader: &mut Reader<'_>,
) -> (Vec<Secret>, Option<String>) {
    match (written, provider.callback()) {
        (Some(written), Some(_)) => (written.value, None),
        (Some(Placed { place, .. }), None) => {
            reader.warn(&place, "this provider never calls: the secret is of no use");
            (Vec::new(), None)
        }
        (None, None) => (Vec::new(), None),
        (None, Some(_)) => {
            let name = format!("callbacks-{}", encode_segment(account.as_str()));
            match reader.surroundings.secret(&SecretRef::Generated(name.clone())) {
                Ok(made) => (vec![made], Some(name)),
                // Only its callbacks need it: the account still sends.
                Err(why) => {
                    reader.warn(&node.place, format!("callbacks are not taken: {why}"));
                    (Vec::new(), None)
                }
            }
        }
    }
}
