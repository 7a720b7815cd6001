"""Computing on data that stays encrypted.

    ckks          CKKS parameters: what they cost, how exact they are; a client with the key, a server without; sums, rotations
    learning      scoring what one cannot see, networks of squares, regression on hospitals' encrypted tables, averages of models
    sharing       secret sharing (additive, Shamir) over a prime field, sums that nobody shows, Beaver's triples
    intersection  private set intersection, and the hashed join that it replaces
    paillier      encryption that adds, from scratch, for teaching
    parties       parties that exchange bytes, and what each saw

Nothing is imported here: TenSEAL and openmined-psi load when first used.
"""
