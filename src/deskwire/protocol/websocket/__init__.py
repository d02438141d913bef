"""RFC 6455 frames: parser and serializer."""
