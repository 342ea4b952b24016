//! What every text of a request is like: it is not blank, and has no control characters in it. White space around it is
//! taken off.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{Components, Object, RefOr, Schema};

/// As `api::fields` reads texts; ECMA 262.
const TEXT: &str = r"^\s*[^\x00-\x1f\x7f-\x9f\s]([^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s])?\s*$";

/// Describes the texts among an operation's parameters.
pub(super) fn of_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(RefOr::T(schema)) = &mut parameter.schema
        {
            describe(schema);
        }
    }
}

/// Describes the texts among the fields of bodies.
pub(super) fn of_bodies(components: &mut Components) {
    for schema in components.schemas.values_mut() {
        if let RefOr::T(Schema::Object(object)) = schema {
            for property in object.properties.values_mut() {
                if let RefOr::T(schema) = property {
                    describe(schema);
                }
            }
        }
    }
}

fn describe(schema: &mut Schema) {
    if let Schema::Object(object) = schema
        && is_text(object)
    {
        object.pattern = Some(TEXT.to_owned());
    }
}

/// What must have one sign at least and is not described otherwise.
const fn is_text(object: &Object) -> bool {
    matches!(object.min_length, Some(1)) && object.pattern.is_none() && object.format.is_none()
}
