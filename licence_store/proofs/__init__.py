"""电子证明: documents composed from the answer of a department's query, sealed and given back."""
