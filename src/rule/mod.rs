//! Trigger rules: the condition under which a called hook does what it does.
//!
//! A missing parameter is not simply "no". It travels up as an error that forgives itself: a lone `not` over it holds and
//! fires, the same inside an `and` sinks the `and`, and an `or` drops the error and counts the `not`. So a condition
//! yields two things, whether it holds and what went wrong; `and` and `or` look at both.

use crate::clock::Clock;
use crate::request::HookRequest;
use crate::request::parameter::Parameter;
use crate::request::value::NotFound;

pub mod address;
mod compile;
pub mod error;
mod kind;
mod proof;
pub mod raw;
pub mod signature;
pub mod text;

use address::AddressRange;
use error::{Fault, RuleError};
use signature::{Scalr, Signature};
use text::TextTest;

/// A trigger rule, compiled.
#[derive(Debug)]
pub struct Rule {
    condition: Condition,
    soft_failures: bool,
}

/// What judging a rule yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'r> {
    /// Whether the hook is to do what it does.
    pub satisfied: bool,
    /// A parameter that was missing, where that is what settled it.
    pub missing: Option<&'r str>,
}

/// Why a rule can't be judged: the call is answered with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault<'r> {
    /// Where in the hooks file the match stands.
    pub at: &'r str,
    /// What went wrong: a signature, or something else; never a missing parameter.
    pub error: RuleError<'r>,
}

#[derive(Debug)]
enum Condition {
    /// `and`
    All(Vec<Condition>),
    /// `or`
    Any(Vec<Condition>),
    /// `not`
    Not(Box<Condition>),
    /// `match`
    Match(Box<Match>),
    /// An empty object.
    Never,
}

#[derive(Debug)]
struct Match {
    /// Where it stands: `[0].trigger-rule.and[1].match`.
    at: Box<str>,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Text(Parameter, TextTest),
    Signature {
        parameter: Parameter,
        signature: Signature,
        /// The present name of its kind, where it was called by the old one.
        renamed: Option<(&'static str, &'static str)>,
    },
    Address(AddressRange),
    Scalr(Scalr),
}

/// What conditions are judged by.
#[derive(Clone, Copy)]
struct Call<'r> {
    request: &'r HookRequest,
    clock: &'r Clock,
    soft_failures: bool,
}

/// What a condition yields.
struct Judged<'r> {
    holds: bool,
    fault: Option<RuleFault<'r>>,
}

impl Judged<'_> {
    fn plain(holds: bool) -> Judged<'static> {
        Judged { holds, fault: None }
    }
}

impl Rule {
    /// Judges a call.
    pub fn judge<'r>(&'r self, request: &'r HookRequest, clock: &'r Clock) -> Result<Verdict<'r>, RuleFault<'r>> {
        let Judged { holds, fault } = self.condition.judge(Call { request, clock, soft_failures: self.soft_failures });
        match fault {
            None => Ok(Verdict { satisfied: holds, missing: None }),
            Some(RuleFault { error: RuleError::Missing(name), .. }) => {
                Ok(Verdict { satisfied: holds, missing: Some(name) })
            }
            Some(fault) => Err(fault),
        }
    }

    /// Every parameter that the rule looks at.
    pub fn parameters(&self) -> Vec<&Parameter> {
        let mut found = Vec::new();
        self.condition.collect(&mut found);
        found
    }
}

impl Condition {
    /// upstream: internal/hook/hook.go AndRule, OrRule, NotRule; fixtures/hooks/rules-algebra.json.
    fn judge<'r>(&'r self, call: Call<'r>) -> Judged<'r> {
        match self {
            Condition::All(conditions) => {
                for judged in conditions.iter().map(|condition| condition.judge(call)) {
                    if judged.fault.is_some() || !judged.holds {
                        return Judged { holds: false, fault: judged.fault };
                    }
                }
                Judged::plain(true)
            }
            Condition::Any(conditions) => {
                for judged in conditions.iter().map(|condition| condition.judge(call)) {
                    match judged.fault {
                        Some(fault) if !call.forgives(&fault) => {
                            return Judged { holds: false, fault: Some(fault) };
                        }
                        _ if judged.holds => return Judged::plain(true),
                        _ => {}
                    }
                }
                Judged::plain(false)
            }
            Condition::Not(condition) => {
                let Judged { holds, fault } = condition.judge(call);
                Judged { holds: !holds, fault }
            }
            Condition::Match(one) => match one.judge(call) {
                Ok(holds) => Judged::plain(holds),
                Err(error) => Judged { holds: false, fault: Some(RuleFault { at: &one.at, error }) },
            },
            Condition::Never => Judged::plain(false),
        }
    }

    fn collect<'c>(&'c self, found: &mut Vec<&'c Parameter>) {
        match self {
            Condition::All(conditions) | Condition::Any(conditions) => {
                for condition in conditions {
                    condition.collect(found);
                }
            }
            Condition::Not(condition) => condition.collect(found),
            Condition::Match(one) => match &one.test {
                Test::Text(parameter, _) | Test::Signature { parameter, .. } => found.push(parameter),
                Test::Address(_) | Test::Scalr(_) => {}
            },
            Condition::Never => {}
        }
    }
}

impl<'r> Call<'r> {
    /// Whether an `or` goes on after this.
    fn forgives(&self, fault: &RuleFault<'_>) -> bool {
        match fault.error {
            RuleError::Missing(_) => true,
            RuleError::Signature(_) => self.soft_failures,
            RuleError::Broken(_) => false,
        }
    }

    fn text(&self, parameter: &'r Parameter) -> Result<std::borrow::Cow<'r, [u8]>, RuleError<'r>> {
        let name = parameter.name.as_str();
        parameter.text(self.request).map_err(|why| match why {
            NotFound::Missing => RuleError::Missing(name),
            why => RuleError::Broken(Fault::Parameter { name, why }),
        })
    }
}

impl Match {
    fn judge<'r>(&'r self, call: Call<'r>) -> Result<bool, RuleError<'r>> {
        match &self.test {
            Test::Text(parameter, test) => test.fits(&call.text(parameter)?),
            Test::Signature { parameter, signature, renamed } => {
                let presented = call.text(parameter)?;
                if let Some((old, new)) = renamed {
                    tracing::debug!("warn: use of deprecated option {old}: use {new} instead");
                }
                signature.check(&presented, call.request.signed_body()).map(|()| true)
            }
            Test::Address(range) => range.contains(&call.request.remote),
            Test::Scalr(scalr) => scalr.check(call.request, call.clock.now()),
        }
    }
}
