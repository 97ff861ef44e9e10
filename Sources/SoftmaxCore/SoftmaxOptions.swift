/// The function that is evaluated or differentiated.
public enum SoftmaxFunction: String, Sendable, CaseIterable {
    /// y_j = exp(z_j / τ) / Σ_c exp(z_c / τ).
    case softmax

    /// log y_j.
    case logSoftmax = "log_softmax"
}

/// What to compute, whatever the logits.
public struct SoftmaxOptions: Sendable, Equatable {
    /// The function that is evaluated or differentiated; softmax unless told.
    public var function: SoftmaxFunction

    /// The divisor τ of the logits, positive and finite; 1 unless told.
    ///
    /// Derivatives are with respect to the logits and so carry the factor 1/τ.
    public var temperature: Double

    /// Makes options; without arguments, plain softmax.
    public init(function: SoftmaxFunction = .softmax, temperature: Double = 1) {
        self.function = function
        self.temperature = temperature
    }

    /// Checks that the temperature means something for this scalar type.
    ///
    /// - Parameters:
    ///   - scalar: the type of the results.
    ///   - differentiating: whether derivatives are wanted, for which 1/τ must be finite in that type.
    /// - Throws: `temperatureNotPositive`, `temperatureTooSmall`.
    public func validate<S: SoftmaxScalar>(
        for scalar: S.Type, differentiating: Bool
    ) throws(SoftmaxError) {
        guard temperature > 0, temperature.isFinite else { throw .temperatureNotPositive }
        if differentiating, !(1 / temperature <= Double(S.greatestFiniteMagnitude)) { throw .temperatureTooSmall }
    }
}
