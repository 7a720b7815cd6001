"""Computing on data that stays encrypted.

    plan, noise      CKKS parameters: what they cost, how exact they are
    ckks, vector     encrypted vectors: a client with the key, a server without
    models, parties  scoring what one cannot see; parties that exchange bytes
    paillier         encryption that adds, from scratch, for teaching

Nothing is imported here: TenSEAL loads when first used.
"""
