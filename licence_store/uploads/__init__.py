"""上传: what people bring, judged by content, kept encrypted, bounded in number and size."""
