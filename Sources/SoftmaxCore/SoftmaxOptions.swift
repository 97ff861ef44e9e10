/// The function that is evaluated or differentiated.
public enum SoftmaxFunction: String, Sendable, CaseIterable {
    /// y_j = exp(z_j / τ) / Σ_c exp(z_c / τ).
    case softmax

    /// log y_j.
    case logSoftmax = "log_softmax"
}

/// The function and its temperature.
public struct SoftmaxOptions: Sendable, Equatable {
    /// The function that is evaluated or differentiated; default softmax.
    public var function: SoftmaxFunction

    /// The divisor τ of the logits, positive and finite; default 1.
    ///
    /// Derivatives are with respect to the logits and so have the factor 1/τ.
    public var temperature: Double

    /// Options; without arguments, softmax at temperature 1.
    public init(function: SoftmaxFunction = .softmax, temperature: Double = 1) {
        self.function = function
        self.temperature = temperature
    }

    /// Checks that the temperature is in the domain of the function or of its derivatives.
    ///
    /// - Parameters:
    ///   - scalar: the type of the results.
    ///   - differentiating: whether derivatives are computed, for which 1/τ must be finite in that type.
    /// - Throws: `temperatureNotPositive`, `temperatureTooSmall`.
    public func validate<S: SoftmaxScalar>(
        for scalar: S.Type, differentiating: Bool
    ) throws(SoftmaxError) {
        guard temperature > 0, temperature.isFinite else { throw .temperatureNotPositive }
        if differentiating, !(1 / temperature <= Double(S.greatestFiniteMagnitude)) { throw .temperatureTooSmall }
    }
}
