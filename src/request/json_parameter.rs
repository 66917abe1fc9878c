//! `parse-parameters-as-json`: texts of a request that are JSON become what they say.

use super::HookRequest;
use super::body::json::{self, JsonError};
use super::parameter::{Parameter, Source};
use super::value::Value;
use crate::go::header::canonical;

/// Why a parameter stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonParameterError {
    /// It is not there.
    #[error("couldn't retrieve argument for {} \"{}\"", .0.source.as_str(), .0.name)]
    Missing(Parameter),
    /// It is no JSON object.
    #[error("{} \"{}\" is no JSON object: {why}", .parameter.source.as_str(), .parameter.name)]
    NoObject {
        /// Which.
        parameter: Parameter,
        /// Why.
        why: JsonError,
    },
    /// Its source is nothing that can be put back into a request.
    #[error("invalid source for argument {} \"{}\"", .0.source.as_str(), .0.name)]
    Source(Parameter),
}

/// Puts objects in the place of these parameters, one after the other, so that a later one may be inside an earlier one.
/// One that can't be read stays as it is.
///
/// upstream: internal/hook/hook.go ParseJSONParameters. A path that leads below the top panics there; here it is followed.
pub fn read_as_json(request: &mut HookRequest, parameters: &[Parameter]) -> Vec<JsonParameterError> {
    parameters.iter().filter_map(|parameter| read_one(request, parameter).err()).collect()
}

fn read_one(request: &mut HookRequest, parameter: &Parameter) -> Result<(), JsonParameterError> {
    let text = parameter.resolve(request).map_err(|_| JsonParameterError::Missing(parameter.clone()))?;
    let value =
        json::object(&text).map_err(|why| JsonParameterError::NoObject { parameter: parameter.clone(), why })?;
    let name = parameter.name.as_bytes();
    let place = match parameter.source {
        Source::Header => request.headers.at_mut(canonical(&parameter.name).as_bytes()),
        Source::Url => request.query.at_mut(name),
        Source::Payload => request.payload.at_mut(name),
        _ => None,
    };
    let place: &mut Value = place.ok_or_else(|| JsonParameterError::Source(parameter.clone()))?;
    *place = value;
    Ok(())
}
