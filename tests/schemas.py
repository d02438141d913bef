"""JSON Schemas inside our own descriptions, ready to validate with."""

from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012


def validator(
    document: dict[str, Any], name: str, path: str = "components/schemas/{}"
) -> Draft202012Validator:
    """Return a validator of one of a document's `components.schemas`, or of another part."""
    resource: Resource[Any] = DRAFT202012.create_resource(document)
    registry: Registry[Any] = Registry().with_resource("urn:document", resource)
    schema = {"$ref": f"urn:document#/{path.format(name)}"}
    return Draft202012Validator(schema, registry=registry)
