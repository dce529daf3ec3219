//! Every message, field number, type and call of the compiled descriptors against the table in
//! `testdata/wire-format.tsv`, in both directions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, ServiceDescriptorProto,
};

/// One line of the table: kind, container, name, number, type.
type Row = [String; 5];

#[test]
fn the_compiled_descriptors_equal_the_table() {
    let expected = table();
    let compiled = compiled();
    let missing: Vec<_> = expected.difference(&compiled).collect();
    let surplus: Vec<_> = compiled.difference(&expected).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing: {missing:#?}\nsurplus: {surplus:#?}");
    assert!(expected.len() > 400, "the table has {} rows", expected.len());
}

fn table() -> BTreeSet<Row> {
    include_str!("../testdata/wire-format.tsv").lines().skip(1).map(parse_row).collect()
}

fn parse_row(line: &str) -> Row {
    let mut cells = line.split('\t').map(str::to_owned);
    std::array::from_fn(|_| cells.next().unwrap_or_default())
}

fn compiled() -> BTreeSet<Row> {
    let files = protox::compile(["tfplugin6.proto", "goplugin.proto"], ["proto"]).unwrap();
    let mut rows = BTreeSet::new();
    for file in files.file.iter().filter(|file| file.package() != "google.protobuf") {
        file_rows(file, &mut rows);
    }
    rows
}

fn file_rows(file: &FileDescriptorProto, rows: &mut BTreeSet<Row>) {
    let package = file.package();
    for message in &file.message_type {
        message_rows(package, package, message, rows);
    }
    for enumeration in &file.enum_type {
        enum_rows(package, enumeration, rows);
    }
    for service in &file.service {
        service_rows(package, service, rows);
    }
}

fn message_rows(package: &str, container: &str, message: &DescriptorProto, rows: &mut BTreeSet<Row>) {
    let path = format!("{container}.{}", message.name());
    if message.field.is_empty() && !is_namespace_in_table(&path) {
        rows.insert(["message".into(), path.clone(), String::new(), String::new(), String::new()]);
    }
    for field in &message.field {
        rows.insert([
            "field".into(),
            path.clone(),
            field.name().into(),
            field.number().to_string(),
            field_type(package, message, field),
        ]);
    }
    for nested in message.nested_type.iter().filter(|nested| !is_map_entry(nested)) {
        message_rows(package, &path, nested, rows);
    }
    for enumeration in &message.enum_type {
        enum_rows(&path, enumeration, rows);
    }
}

/// The table names some messages that hold nothing but other messages, and leaves others out.
fn is_namespace_in_table(path: &str) -> bool {
    !table().iter().any(|row| row[0] == "message" && row[1] == path)
}

fn enum_rows(container: &str, enumeration: &EnumDescriptorProto, rows: &mut BTreeSet<Row>) {
    for value in &enumeration.value {
        rows.insert([
            "enum".into(),
            format!("{container}.{}", enumeration.name()),
            value.name().into(),
            value.number().to_string(),
            String::new(),
        ]);
    }
}

fn service_rows(package: &str, service: &ServiceDescriptorProto, rows: &mut BTreeSet<Row>) {
    for method in &service.method {
        let side = |streaming: bool, name: &str| {
            format!("{}{}", if streaming { "stream " } else { "" }, name.trim_start_matches('.'))
        };
        let request = side(method.client_streaming(), method.input_type());
        let response = side(method.server_streaming(), method.output_type());
        rows.insert([
            "rpc".into(),
            format!("{package}.{}", service.name()),
            method.name().into(),
            String::new(),
            format!("{request} -> {response}"),
        ]);
    }
}

fn field_type(package: &str, message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    if let Some(entry) = message.nested_type.iter().find(|entry| is_entry_of(entry, field)) {
        let side = |index: usize| scalar(package, &entry.field[index]);
        return format!("map<{},{}>", side(0), side(1));
    }
    let base = scalar(package, field);
    match field.oneof_index {
        _ if field.label() == Label::Repeated => format!("repeated {base}"),
        _ if field.proto3_optional() => format!("optional {base}"),
        Some(index) => {
            let oneof = &message.oneof_decl[usize::try_from(index).unwrap()];
            format!("oneof {} {base}", oneof.name())
        }
        None => base,
    }
}

fn scalar(package: &str, field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => {
            let name = field.type_name().trim_start_matches('.');
            name.strip_prefix(&format!("{package}.")).unwrap_or(name).to_owned()
        }
        Type::Bool => "bool".into(),
        Type::Bytes => "bytes".into(),
        Type::Int64 => "int64".into(),
        Type::String => "string".into(),
        Type::Uint32 => "uint32".into(),
        other => format!("{other:?}"),
    }
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry)
}

fn is_entry_of(entry: &DescriptorProto, field: &FieldDescriptorProto) -> bool {
    is_map_entry(entry)
        && field.type_name().rsplit('.').next() == Some(entry.name())
        && field.r#type() == Type::Message
}
