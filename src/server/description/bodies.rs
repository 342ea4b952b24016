//! What bodies hold that Rust's types do not tell: raw bytes, and objects whose names are not known beforehand.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, SchemaType};
use utoipa::openapi::{
    Components, Content, KnownFormat, Object, ObjectBuilder, RefOr, Schema, SchemaFormat, Type,
};

use super::operations;

/// Describes the bodies of a path.
pub(super) fn of_path(item: &mut PathItem) {
    operations(item).for_each(of_operation);
}

fn of_operation(operation: &mut Operation) {
    let request = operation.request_body.iter_mut().filter_map(|body| match body {
        RefOr::T(body) => Some(body.content.values_mut()),
        RefOr::Ref(_) => None,
    });
    let responses = operation.responses.responses.values_mut();
    let answers = responses.filter_map(|response| match response {
        RefOr::T(response) => Some(response.content.values_mut()),
        RefOr::Ref(_) => None,
    });
    request.flatten().chain(answers.flatten()).for_each(of_content);
}

fn of_content(content: &mut RefOr<Content>) {
    let RefOr::T(content) = content else { return };
    let Some(RefOr::T(schema)) = &mut content.schema else { return };
    if is_bytes(schema) {
        *schema = Schema::Object(bytes());
    } else {
        open(schema);
    }
}

/// Describes the bodies that have names.
pub(super) fn of_components(components: &mut Components) {
    components.schemas.values_mut().for_each(open_of);
}

/// Raw bytes, as generators of clients know them.
fn bytes() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .build()
}

/// Whether a schema is that of `Vec<u8>`.
fn is_bytes(schema: &Schema) -> bool {
    let Schema::Array(array) = schema else { return false };
    let ArrayItems::RefOrSchema(items) = &array.items else { return false };
    matches!(&**items, RefOr::T(Schema::Object(item)) if item.schema_type == Type::Integer.into()
        && item.format == Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
}

fn open_of(schema: &mut RefOr<Schema>) {
    if let RefOr::T(schema) = schema {
        open(schema);
    }
}

/// Says of objects without named members that they may have any.
fn open(schema: &mut Schema) {
    match schema {
        Schema::Object(object) => {
            let nameless = object.properties.is_empty() && object.additional_properties.is_none();
            if nameless && may_be_object(object) {
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(true)));
            }
            object.properties.values_mut().for_each(open_of);
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                open_of(items);
            }
        }
        Schema::OneOf(several) => several.items.iter_mut().for_each(open_of),
        Schema::AllOf(several) => several.items.iter_mut().for_each(open_of),
        Schema::AnyOf(several) => several.items.iter_mut().for_each(open_of),
        _ => {}
    }
}

fn may_be_object(object: &Object) -> bool {
    match &object.schema_type {
        SchemaType::Type(kind) => *kind == Type::Object,
        SchemaType::Array(kinds) => kinds.contains(&Type::Object),
        SchemaType::AnyValue => false,
    }
}
