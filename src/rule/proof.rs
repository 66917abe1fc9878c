//! Whether a rule lets nobody in who has not proved who it is.

use super::{Condition, Rule, Test};

impl Rule {
    /// Whether the rule can't be satisfied without a right signature or a caller in an `ip-range`. Where that can't be seen
    /// from its shape, the answer is no.
    pub fn proves_caller(&self) -> bool {
        self.condition.holds_by_proof()
    }
}

impl Condition {
    /// Whether this holds only if some signature or address was right.
    fn holds_by_proof(&self) -> bool {
        match self {
            Condition::All(conditions) => conditions.iter().any(Condition::holds_by_proof),
            Condition::Any(conditions) => !conditions.is_empty() && conditions.iter().all(Condition::holds_by_proof),
            Condition::Not(condition) => condition.fails_by_proof(),
            Condition::Match(one) => match &one.test {
                Test::Signature { .. } | Test::Scalr(_) => true,
                // Everybody's address proves nothing.
                Test::Address(range) => !range.is_everybody(),
                Test::Text(..) => false,
            },
            Condition::Never => false,
        }
    }

    /// Whether this fails to hold only if some signature or address was right.
    fn fails_by_proof(&self) -> bool {
        match self {
            // It also fails where a parameter is missing, whatever its parts say.
            Condition::All(_) => false,
            // It holds as soon as one part does, so all have failed; and errors that end it early are the caller's answer.
            Condition::Any(conditions) => conditions.iter().any(Condition::fails_by_proof),
            Condition::Not(condition) => condition.holds_by_proof(),
            Condition::Match(_) | Condition::Never => false,
        }
    }
}
