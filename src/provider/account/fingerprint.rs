//! What makes an account another one.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::node::{Entry, Node, Reader, Value};
use crate::provider::Transport;

/// Equal for accounts made of the same: of what is written, and of what that refers to.
pub(super) fn fingerprint(node: &Node, transport: &Transport, reader: &mut Reader<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(node, reader, &mut hasher);
    transport.proxy.hash(&mut hasher);
    transport.extra_ca.hash(&mut hasher);
    hasher.finish()
}

fn hash(node: &Node, reader: &mut Reader<'_>, hasher: &mut DefaultHasher) {
    std::mem::discriminant(&node.value).hash(hasher);
    match &node.value {
        Value::Null => {}
        Value::Scalar { text, plain } => (text, plain).hash(hasher),
        Value::List(elements) => {
            elements.len().hash(hasher);
            elements.iter().for_each(|element| hash(element, reader, hasher));
        }
        Value::Map(entries) => {
            entries.len().hash(hasher);
            for entry in entries {
                entry.key.hash(hasher);
                hash(&entry.value, reader, hasher);
            }
            if let [Entry { key, .. }] = entries.as_slice()
                && matches!(key.as_str(), "env" | "file" | "credential" | "generated")
            {
                // What can't be read was noted when the property was.
                let mut quiet =
                    Reader { form: reader.form, findings: &mut Vec::new(), surroundings: reader.surroundings };
                quiet.secret(node).map(|secret| secret.expose().to_owned()).hash(hasher);
            }
        }
    }
}
