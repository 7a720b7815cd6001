"""Computing on data that stays encrypted.

    plan, noise      CKKS parameters: what they cost, how exact they are
    ckks, vector     encrypted vectors: a client with the key, a server without
    sums             sums of products at the price of one, rotations
    models, parties  scoring what one cannot see; parties that exchange bytes
    networks         networks of squares, and `inference`, which runs them on encrypted pictures
    training         regression on several hospitals' encrypted tables; `sigmoid`, its curve
    averaging        the average of encrypted models, under CKKS and BFV
    paillier         encryption that adds, from scratch, for teaching
    sharing, field   secret sharing (additive, Shamir) over a prime field, and sums that nobody shows
    triples          Beaver's triples: a linear model on shared numbers
    intersection     private set intersection, and the hashed join that it replaces

Nothing is imported here: TenSEAL and openmined-psi load when first used.
"""
